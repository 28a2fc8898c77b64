/** Debian's opendkim as a milter: one signs what one listener takes, another finds its signature good behind the next. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { messagesIn, until } from '../support/mailbox.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { play } from './postfix/player.ts'

const PROGRAM = '/usr/sbin/opendkim'
const MASTER = (socketOf: (name: string) => string): string => `smtp inet n - n - - smtpd
    -o smtpd_milters=local:${socketOf('signer')}
2027 inet n - n - - smtpd
    -o smtpd_milters=unix:${socketOf('verifier')}
`

/** Runs one until the test is over. */
async function startOpendkim(t: TestContext, socket: string, settings: string): Promise<void> {
  const file = `${socket}.conf`
  const base = 'Background no\nSyslog no\nUMask 000\nRequireSafeKeys no\nAlwaysAddARHeader yes\n'
  writeFileSync(file, `${base}PidFile ${socket}.pid\nSocket local:${socket}\n${settings}`)
  const child = spawn(PROGRAM, ['-f', '-x', file], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
  t.after(() => child.kill())
  await until('opendkim', () => {
    assert.equal(child.exitCode, null, said)
    return existsSync(socket)
  })
}

async function send(server: TestServer, port: string, content: string): Promise<void> {
  const steps = [
    'EHLO client.test',
    'MAIL FROM:<s@signed.test>',
    'RCPT TO:<ana@mail.example.test>',
    'DATA',
    { content },
  ]
  assert.match((await play('127.0.0.1', server.port(port), { steps, client: '' })).at(-1) ?? '', /^250/)
}

test('opendkim signs, and opendkim verifies', { skip: existsSync(PROGRAM) ? false : 'no opendkim' }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-opendkim-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  writeFileSync(join(dir, 'key.pem'), privateKey.export({ type: 'pkcs1', format: 'pem' }), { mode: 0o600 })
  const record = publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
  writeFileSync(join(dir, 'keys'), `test._domainkey.signed.test v=DKIM1; k=rsa; p=${record}\n`)
  const socketOf = (name: string): string => join(dir, `${name}.sock`)
  await startOpendkim(
    t,
    socketOf('signer'),
    `Mode s\nDomain signed.test\nSelector test\nKeyFile ${join(dir, 'key.pem')}\n`,
  )
  await startOpendkim(t, socketOf('verifier'), `Mode v\nTestPublicKeys ${join(dir, 'keys')}\n`)
  const server = await startServer(t, { accounts: ['ana'], files: { 'master.cf': MASTER(socketOf) } })

  const body = `a line\r\n..with a dot\r\n  spaces  \r\n${'x'.repeat(70)}\r\n`.repeat(2000)
  await send(
    server,
    'smtp',
    `From: s@signed.test\r\nTo: ana@mail.example.test\r\nSubject: a\r\n\tfolded one\r\n\r\n${body}`,
  )
  await until('the signed mail', async () => (await messagesIn(server, 'ana')).length === 1)
  const [signed = ''] = await messagesIn(server, 'ana')
  assert.match(signed, /^DKIM-Signature: v=1; a=rsa-sha256; .*\bd=signed\.test; s=test;/m)
  const [result] = await verified(server, signed)
  assert.match(result ?? '', /dkim=pass/)
  const [altered] = await verified(server, signed.replace('a line', 'another line'))
  assert.match(altered ?? '', /dkim=fail/)
})

/** Authentication-Results of a message that comes by the second listener. */
async function verified(server: TestServer, message: string): Promise<RegExpMatchArray | []> {
  const before = (await messagesIn(server, 'ana')).length
  await send(server, '2027', message.slice(message.indexOf('DKIM-Signature: ')).replaceAll(/^\./gm, '..'))
  await until('the verified mail', async () => (await messagesIn(server, 'ana')).length > before)
  const last = (await messagesIn(server, 'ana')).at(-1) ?? ''
  return /^Authentication-Results: .*(?:\r\n[ \t].*)*/m.exec(last) ?? []
}
