import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Ran, run, sampleMessage, withoutTrace } from '../support/client.ts'
import { DOMAIN, PASSWORD, startServer } from '../support/server.ts'

const curl = (...args: readonly string[]): Promise<Ran> => run('curl', ['-sS', '-k', ...args])

test('curl: what goes in by SMTP comes out by IMAP and POP3, octet for octet', async (t) => {
  const server = await startServer(t, { accounts: ['ana', 'eva'] })
  const at = (service: string): string => `127.0.0.1:${server.port(service)}`
  const file = join(server.dir, 'message')
  const message = sampleMessage('curl')
  writeFileSync(file, message)
  const auth = ['--user', `ana:${PASSWORD}`]
  const envelope = ['--mail-from', `ana@${DOMAIN}`, '--mail-rcpt', `eva@${DOMAIN}`, '--upload-file', file]
  for (const [url, more] of [
    [`smtp://${at('submission')}/client.test`, ['--ssl-reqd']],
    [`smtps://${at('submissions')}/client.test`, []],
  ] as const) {
    const sent = await curl(url, ...more, ...auth, ...envelope)
    assert.equal(sent.code, 0, sent.err)
  }
  const reader = ['--user', `eva:${PASSWORD}`]
  const octets = Buffer.from(message).toString('latin1')
  for (const url of [
    `imap://${at('imap')}/INBOX;MAILINDEX=1`,
    `imaps://${at('imaps')}/INBOX;UID=2`,
    `pop3://${at('pop3')}/1`,
    `pop3s://${at('pop3s')}/2`,
  ]) {
    const got = await curl(url, ...reader)
    assert.equal(got.code, 0, `${url}: ${got.err}`)
    assert.equal(withoutTrace(got.out), octets, url)
  }
})

test('curl: lists, uploads, searches', async (t) => {
  const server = await startServer(t, { accounts: ['eva'] })
  const imap = `imap://127.0.0.1:${server.port('imap')}`
  const file = join(server.dir, 'message')
  writeFileSync(file, sampleMessage('upload'))
  const reader = ['--user', `eva:${PASSWORD}`]
  const uploaded = await curl('--upload-file', file, `${imap}/Sent`, ...reader)
  assert.equal(uploaded.code, 0, uploaded.err)
  const list = await curl(`${imap}/`, ...reader)
  assert.match(list.out, /\* LIST \(\\HasNoChildren \\Sent\) "\/" "Sent"/)
  const search = await curl(`${imap}/Sent?SUBJECT%20upload`, ...reader)
  assert.equal(search.out.trim(), '* SEARCH 1')
  const pop3 = await curl(`pop3://127.0.0.1:${server.port('pop3')}/`, ...reader)
  assert.equal(pop3.code, 0, pop3.err)
})
