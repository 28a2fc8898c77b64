/** password_maps: passwords that stay in other servers' files and databases, over SMTP and IMAP. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { PASSWORD, startServer } from '../support/server.ts'
import { transcript } from '../support/transcript.ts'

function directory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'postigo-passwords-'))
  t.after(() => rmSync(path, { recursive: true }))
  return path
}

const plain = (name: string, password: string): string => Buffer.from(`\0${name}\0${password}`).toString('base64')
const right = (name: string, password: string): string =>
  `S: 220 …\nC: HELO x\nS: 250 …\nC: AUTH PLAIN ${plain(name, password)}\nS: 235 2.7.0 Authentication successful`
const wrong = (name: string, password: string): string =>
  `S: 220 …\nC: HELO x\nS: 250 …\nC: AUTH PLAIN ${plain(name, password)}\nS: 535 5.7.8 Error: authentication failed: …`

test('users of a Dovecot passwd-file log in with its hashes, while it lies where it is', async (t) => {
  const dir = directory(t)
  const file = join(dir, 'users')
  writeFileSync(
    file,
    'eva:{SSHA}cDQ2FGGWZ5+3c6xjoUiukl5cxARYSxqM:1000\nmar@example.test:{PLAIN}abierta\nold:{OTP}x y\nana:{PLAIN}otra\nlocked:*\n',
  )
  const server = await startServer(t, {
    accounts: ['ana'],
    mainCf: `password_maps = passwd-file:${file}, fail:unless-found\n`,
  })
  const smtp = server.port('smtp')
  await transcript(
    smtp,
    `S: 220 …
    C: EHLO x
    S: 250-mail.example.test
    S: 250-PIPELINING
    S: 250-SIZE 10240000
    S: 250-VRFY
    S: 250-ETRN
    S: 250-STARTTLS
    S: 250-AUTH PLAIN LOGIN
    S: 250-ENHANCEDSTATUSCODES
    S: 250-8BITMIME
    S: 250-DSN
    S: 250-SMTPUTF8
    S: 250 CHUNKING
    C: AUTH PLAIN ${plain('eva', 'secrét x')}
    S: 235 2.7.0 Authentication successful
    C: MAIL FROM:<eva@example.test>
    S: 250 2.1.0 Ok
    C: RCPT TO:<b@elsewhere.test>
    S: 250 2.1.5 Ok`,
  )
  await transcript(smtp, right('mar@example.test', 'abierta'))
  // An account's own password counts first; the one in the file counts too, and is its mailbox's.
  await transcript(smtp, right('ana', PASSWORD))
  await transcript(server.port('imap'), 'S: * OK …\nC: a LOGIN ana otra\nS: a OK …')
  for (const [name, password] of [
    ['eva', 'Secrét x'],
    ['eva', ''],
    ['locked', '*'],
    ['ana', 'neither'],
  ] as const)
    await transcript(smtp, wrong(name, password))
  // A hash that cannot be compared, a table that cannot be asked: nobody's fault who logs in.
  for (const name of ['old', 'nobody'])
    await transcript(
      smtp,
      `S: 220 …\nC: HELO x\nS: 250 …\nC: AUTH PLAIN ${plain(name, 'x')}\nS: 454 4.7.0 Temporary authentication failure: …`,
    )
})

test(
  'users of a sasldb2 that Cyrus wrote',
  { skip: spawnSync('saslpasswd2', ['-v']).error ? 'sasl2-bin is not installed' : false },
  async (t) => {
    const file = join(directory(t), 'sasldb2')
    const add = (user: string, realm: string, password: string): Buffer =>
      execFileSync('saslpasswd2', ['-p', '-c', '-f', file, '-u', realm, user], { input: password })
    add('eva', 'mail.example.test', 'suya')
    const server = await startServer(t, { mainCf: `password_maps = sasldb2:${file}\n` })
    await transcript(server.port('smtp'), right('eva@mail.example.test', 'suya'))
    await transcript(server.port('smtp'), right('eva', 'suya'))
    await transcript(server.port('smtp'), wrong('eva', 'SUYA'))
    assert.equal(
      spawnSync('sasldblistusers2', ['-f', file], { encoding: 'utf8' }).stdout.trim(),
      'eva@mail.example.test: userPassword',
    )
  },
)
