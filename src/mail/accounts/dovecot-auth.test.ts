/** Against a server of the test's own that speaks as Dovecot 2.3 does. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { SaslUnavailable } from '../../formats/sasl/mod.ts'
import { DovecotAuth } from './mod.ts'

const GREETING =
  'VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nMECH\tLOGIN\tplaintext\nMECH\tCRAM-MD5\tdictionary\tactive\n' +
  'MECH\tANONYMOUS\tanonymous\nMECH\tSECRET\tprivate\nMECH\tSCRAM-SHA-256\tmutual-auth\nSPID\t7\nCUID\t1\nDONE\n'

/** Answers each line with what `answers` has for it; what came is kept. */
async function serve(t: TestContext, answers: Readonly<Record<string, string>>, greeting = GREETING) {
  const directory = mkdtempSync(join(tmpdir(), 'postigo-dovecot-'))
  const path = join(directory, 'auth')
  const said: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.write(greeting)
    socket.on('data', (chunk) => {
      for (const line of chunk.toString().split('\n').filter(Boolean)) {
        said.push(line)
        const answer = Object.entries(answers).find(([start]) => line.startsWith(start))?.[1]
        if (answer === 'END') socket.end()
        else if (answer !== undefined) socket.write(answer)
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
    rmSync(directory, { recursive: true })
  })
  return { path, said }
}

const client = { address: '192.0.2.7', localAddress: '192.0.2.1', secured: true }
const options = { service: 'smtp', hostname: 'mail.example', client }

test('mechanisms are those that the security options leave', async (t) => {
  const { path } = await serve(t, {})
  const server = new DovecotAuth(path)
  assert.deepEqual(await server.mechanisms([]), ['PLAIN', 'LOGIN', 'CRAM-MD5', 'ANONYMOUS', 'SCRAM-SHA-256'])
  assert.deepEqual(await server.mechanisms(['noanonymous']), ['PLAIN', 'LOGIN', 'CRAM-MD5', 'SCRAM-SHA-256'])
  assert.deepEqual(await server.mechanisms(['noplaintext', 'noanonymous', 'noactive']), ['SCRAM-SHA-256'])
  assert.deepEqual(await server.mechanisms(['mutual_auth']), ['SCRAM-SHA-256'])
})

test('an exchange is carried to and fro', async (t) => {
  const { path, said } = await serve(t, {
    'AUTH\t1\tLOGIN': 'CONT\t1\tVXNlcm5hbWU6\n',
    'CONT\t1\tYW5h': 'CONT\t1\tUGFzc3dvcmQ6\n',
    'CONT\t1\tc2VjcmV0': 'OK\t1\tuser=ana\x01tx\textra\n',
  })
  const exchange = new DovecotAuth(path).start('LOGIN', options)
  assert.deepEqual(await exchange.step(undefined), { state: 'continue', challenge: Buffer.from('Username:') })
  assert.deepEqual(await exchange.step(Buffer.from('ana')), { state: 'continue', challenge: Buffer.from('Password:') })
  const identity = { accountId: undefined, username: 'ana\tx' }
  assert.deepEqual(await exchange.step(Buffer.from('secret')), { state: 'done', identity })
  assert.deepEqual(said.slice(0, 3), [
    'VERSION\t1\t1',
    `CPID\t${process.pid}`,
    'AUTH\t1\tLOGIN\tservice=smtp\tnologin\tlip=192.0.2.1\trip=192.0.2.7\tsecured',
  ])
})

test('refusals, for good and for now', async (t) => {
  const { path, said } = await serve(t, {
    'AUTH\t1\tPLAIN': 'OK\t2\tuser=somebody-else\nFAIL\t1\tuser=ana\n',
    'AUTH\t1\tLOGIN': 'FAIL\t1\tuser=ana\treason=Account is locked\n',
    'AUTH\t1\tCRAM-MD5': 'FAIL\t1\ttemp\n',
    'AUTH\t1\tOTP': 'END',
  })
  const first = async (mechanism: string, response?: Buffer): Promise<unknown> => {
    const exchange = new DovecotAuth(path).start(mechanism, options)
    const step = await exchange.step(response)
    exchange.close?.()
    return step
  }
  const failed = { state: 'failed', temporary: false }
  assert.deepEqual(await first('PLAIN', Buffer.from('\0ana\0x')), { ...failed, reason: '(reason unavailable)' })
  assert.match(said.at(-1) ?? '', /\tresp=AGFuYQB4$/)
  assert.deepEqual(await first('LOGIN'), { ...failed, reason: 'Account is locked' })
  assert.deepEqual(await first('CRAM-MD5'), { state: 'failed', temporary: true, reason: '(reason unavailable)' })
  assert.deepEqual(await first('OTP'), {
    state: 'failed',
    temporary: true,
    reason: 'Connection lost to authentication server',
    detail: `${path}: hung up`,
  })
})

test('a server that is away, silent, or speaks otherwise', async (t) => {
  const away = new DovecotAuth('/nonexistent/auth')
  await assert.rejects(away.mechanisms([]), SaslUnavailable)
  for (const greeting of ['', 'VERSION\t9\t0\nDONE\n', `${'x'.repeat(9000)}`, 'NOISE\n'.repeat(200)]) {
    const { path } = await serve(t, {}, greeting)
    await assert.rejects(new DovecotAuth(path, 50).mechanisms([]), SaslUnavailable, greeting.slice(0, 10))
  }
})
