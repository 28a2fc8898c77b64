import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test, type TestContext } from 'node:test'
import { allFindings } from '../server/findings.ts'
import { readConfig } from '../server/rooms.ts'
import { init } from './init.ts'

interface Ran {
  readonly code: number
  readonly said: string
}

function inDirectory(t: TestContext): { readonly dir: string; readonly run: (...words: string[]) => Promise<Ran> } {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-init-'))
  t.after(() => rmSync(dir, { recursive: true }))
  return {
    dir,
    async run(...words) {
      let said = ''
      const say = (text: string | Buffer): void => void (said += String(text))
      const io = { out: say, err: say, cwd: dir, env: {}, stdin: Readable.from([]), tty: false }
      return { code: await init(['-c', join(dir, 'etc'), ...words], io), said }
    },
  }
}

const SAME = ['--hostname', 'mail.example.org', '--data', 'data']

test('what is written has nothing to complain about, and takes passwords over TLS alone', async (t) => {
  const { dir, run } = inDirectory(t)
  assert.equal((await run(...SAME)).code, 0)
  const config = readConfig({ directory: join(dir, 'etc') })
  // Whether root's mail has a reader is the machine's matter.
  const told = (await allFindings(config)).filter(({ text }) => !text.startsWith('root has no alias'))
  assert.deepEqual(
    told.map(({ line, text }) => `${line} ${text}`),
    [],
  )
  assert.equal(config.value('mydestination'), 'mail.example.org, localhost.example.org, localhost, example.org')
  assert.equal(config.value('data_directory'), join(dir, 'data'))
  for (const service of config.master.filter(({ type }) => type === 'inet')) {
    const own = config.with(service.overrides)
    assert.equal(own.value('smtpd_sasl_auth_enable'), service.name === 'smtp' ? 'no' : 'yes', service.name)
    assert.equal(own.value('smtpd_tls_auth_only'), 'yes')
  }
})

test('nothing is overwritten, and nothing is written where a word is wrong', async (t) => {
  const { dir, run } = inDirectory(t)
  for (const words of [
    ['--hostname', 'mail'],
    ['--hostname', 'mail.example.org\nx = y'],
    ['--hostname', 'mail.example.org', '--domain', '-'],
    ['--hostname', 'mail.example.org', '--acme', 'http://ca.test/'],
    ['--hostname', 'mail.example.org', '--wish'],
    ['mail.example.org'],
  ])
    assert.equal((await run(...words)).code, 64, words.join(' '))
  assert.deepEqual(readdirSync(dir), [])
  await run(...SAME, '--domain', 'a.test', '--domain', 'b.test', '--acme', 'https://ca.test/dir', '--agree-to-terms')
  const before = readFileSync(join(dir, 'etc/main.cf'), 'utf8')
  assert.match(before, /^mydestination = .*, localhost, a\.test, b\.test$/m)
  assert.match(before, /^acme_directory = https:\/\/ca\.test\/dir\nacme_agree_to_terms = yes$/m)
  rmSync(join(dir, 'etc/main.cf'))
  const again = await run(...SAME)
  assert.deepEqual([again.code, /master\.cf is there already/.test(again.said)], [69, true])
  assert.deepEqual(readdirSync(join(dir, 'etc')), ['master.cf'])
})
