/** start, status, service, reload, stop, as typed. */
import assert from 'node:assert/strict'
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { install } from '../support/process.ts'
import { transcript } from '../support/transcript.ts'

interface Status {
  readonly pid: number
  readonly services: readonly { readonly name: string; readonly port: number }[]
  readonly accounts: number
}

test('a server is started, asked, changed and stopped', async (t) => {
  const { dir, offset, postigo } = await install(t)
  const status = async (): Promise<Status> => JSON.parse((await postigo(['status', '--json'])).out) as Status // our own words
  assert.equal((await postigo(['account', 'add', 'ana', '-p'], 'secret\n')).code, 0)
  const started = await postigo(['start', '--port-offset', String(offset)])
  assert.equal(started.code, 0, started.err)
  assert.match(started.out, /smtp +127\.0\.0\.1:\d+\n[^]*imap[^]*ready\n$/)
  const first = await status()
  assert.deepEqual(
    first.services.map((service) => service.name),
    ['smtp', 'submission', 'submissions', 'imap'],
  )
  assert.equal(first.accounts, 1)

  const again = await postigo(['start', '--port-offset', String(offset)])
  assert.equal(again.code, 69)
  assert.match(again.err, new RegExp(`a server runs on this data directory already, process ${first.pid}`))

  // An account made while the server runs can log in at once.
  assert.equal((await postigo(['account', 'add', 'eva', '-p'], 'other\n')).code, 0)
  await transcript(143 + offset, 'S: * OK …\nC: a LOGIN eva other\nS: a OK …\nC: b LOGOUT\nS: * BYE …\nS: b OK …')

  assert.equal((await postigo(['service', 'on', 'ipop3'])).code, 0)
  assert.ok((await status()).services.some((service) => service.name === 'pop3'))
  await transcript(110 + offset, 'S: +OK …\nC: QUIT\nS: +OK …')

  const mainCf = readFileSync(join(dir, 'main.cf'), 'utf8')
  appendFileSync(join(dir, 'main.cf'), 'smtpd_recipient_limit = many\n')
  const reload = await postigo(['reload'])
  assert.equal(reload.code, 78)
  assert.match(reload.err, /main\.cf, line \d+: bad numerical configuration: smtpd_recipient_limit = many/)
  await transcript(25 + offset, 'S: 220 …\nC: QUIT\nS: 221 2.0.0 Bye')
  writeFileSync(join(dir, 'main.cf'), mainCf.replace('myhostname = mail.example.test', 'myhostname = new.example.test'))
  assert.equal((await postigo(['reload'])).code, 0)
  await transcript(25 + offset, 'S: 220 new.example.test …\nC: QUIT\nS: 221 2.0.0 Bye')

  assert.equal((await postigo(['stop'])).code, 0)
  assert.equal((await postigo(['status'])).code, 69)
  assert.ok(!existsSync(join(dir, 'master.cf')), 'nothing of Postfix is made or changed')
})

test('a port that is held names its holder, and nothing is half started', async (t) => {
  const one = await install(t)
  assert.equal((await one.postigo(['start', '--port-offset', String(one.offset)])).code, 0)
  const two = await install(t)
  const started = await two.postigo(['start', '--port-offset', String(one.offset)])
  assert.equal(started.code, 69)
  assert.match(started.err, /not started: 127\.0\.0\.1:\d+ is held by postigo \(process \d+\)/)
  assert.equal((await two.postigo(['status'])).code, 69)
})

test('a wrong line stops the start with file and line', async (t) => {
  const { postigo } = await install(t, 'this is no setting\n')
  const started = await postigo(['start'])
  assert.equal(started.code, 78)
  assert.match(started.err, /main\.cf, line \d+: missing '=' after attribute name: "this is no setting"/)
})
