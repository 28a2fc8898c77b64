import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { linkSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect as rawConnect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import {
  type Connection,
  connect,
  createIdentity,
  holderOf,
  IdentityError,
  listen,
  ListenError,
  selfSigned,
  type ServerTls,
} from './mod.ts'

function identity(t: TestContext): { tls: ServerTls; cert: string } {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-net-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const { cert, key } = selfSigned(['mail.example', '127.0.0.1', '::1'], Date.now())
  const certFile = join(dir, 'cert.pem')
  const keyFile = join(dir, 'key.pem')
  writeFileSync(certFile, cert)
  writeFileSync(keyFile, key)
  return { tls: createIdentity({ files: [{ certFile, keyFile }] }), cert }
}

/** A server that answers each line with `echo LINE`, `STARTTLS` by TLS; closes after `bye` or when the peer does. */
async function echo(t: TestContext, options: { tls?: ServerTls; implicitTls?: boolean } = {}): Promise<number> {
  const listener = await listen({
    address: '127.0.0.1',
    port: 0,
    ...options,
    onConnection: (connection) => {
      connection.attach({
        data(chunk) {
          for (const line of chunk
            .toString()
            .split('\n')
            .filter((l) => l !== '')) {
            if (line === 'STARTTLS') {
              connection.write('go\n')
              connection.startTls().catch(() => {})
              return // what follows in the same chunk must never be read
            }
            connection.write(`echo ${line}\n`)
          }
        },
        end: () => connection.end(),
        idle: () => connection.end('idle\n'),
      })
    },
  })
  t.after(() => listener.stop())
  return listener.port
}

/** Collects what a connection says until `text` is in it or it ends. */
function until(connection: Connection, text: string): Promise<string> {
  return new Promise((resolve) => {
    let seen = ''
    const done = (): void => resolve(seen)
    connection.attach({
      data(chunk) {
        seen += chunk.toString()
        if (seen.includes(text)) done()
      },
      end: done,
      idle: done,
    })
  })
}

test('a connection answers, also after the peer closed its side', async (t) => {
  const port = await echo(t)
  const socket = rawConnect({ host: '127.0.0.1', port, allowHalfOpen: true })
  socket.end('one\ntwo\n')
  let seen = ''
  for await (const chunk of socket) seen += String(chunk)
  assert.equal(seen, 'echo one\necho two\n')
})

test('STARTTLS drops plaintext that came behind it', async (t) => {
  const { tls, cert } = identity(t)
  const port = await echo(t, { tls })
  const connection = await connect({ to: { address: '127.0.0.1', port }, timeoutMs: 2000 })
  const go = until(connection, 'go\n')
  connection.write('STARTTLS\ninjected\n')
  assert.equal(await go, 'go\n')
  const facts = await connection.startTlsClient({
    serverName: 'mail.example',
    verify: true,
    ca: [cert],
    timeoutMs: 2000,
  })
  assert.equal(facts.protocol, 'TLSv1.3')
  assert.equal(facts.peerVerified, true)
  const answer = until(connection, 'echo')
  connection.write('after\n')
  assert.equal(await answer, 'echo after\n')
  assert.ok(connection.exportKeyingMaterial('EXPORTER-Channel-Binding', 32)?.length === 32)
  connection.end()
})

test('implicit TLS; a client that speaks plainly is dropped', async (t) => {
  const { tls, cert } = identity(t)
  const port = await echo(t, { tls, implicitTls: true })
  const good = await connect({ to: { address: '127.0.0.1', port }, timeoutMs: 2000 })
  await good.startTlsClient({ serverName: 'mail.example', verify: true, ca: [cert], timeoutMs: 2000 })
  const answer = until(good, 'echo')
  good.write('x\n')
  assert.equal(await answer, 'echo x\n')
  good.end()
  const bad = await connect({ to: { address: '127.0.0.1', port }, timeoutMs: 2000 })
  const nothing = until(bad, 'echo')
  bad.write('EHLO client\r\n')
  assert.ok(!(await nothing).includes('echo'))
  bad.end()
})

test('a port that is held names its holder', async (t) => {
  const port = await echo(t)
  await assert.rejects(listen({ address: '127.0.0.1', port, onConnection() {} }), (error) => {
    assert.ok(error instanceof ListenError)
    assert.match(error.message, new RegExp(`^127\\.0\\.0\\.1:${port} is held by .* \\(process ${process.pid}\\)$`))
    return true
  })
  assert.equal(holderOf(port)?.pid, process.pid)
})

test('an idle limit is re-armed and runs out', async (t) => {
  const port = await echo(t)
  const connection = await connect({ to: { address: '127.0.0.1', port }, timeoutMs: 2000 })
  const idle = new Promise<number>((resolve) =>
    connection.attach({ data() {}, end() {}, idle: () => resolve(performance.now()) }),
  )
  connection.idleAfter(60)
  const start = performance.now()
  await new Promise((wake) => setTimeout(wake, 40))
  connection.idleAfter(60)
  assert.ok((await idle) - start >= 90)
  connection.destroy()
})

test('self-signed certificates hold names and addresses', () => {
  const certificate = new X509Certificate(selfSigned(['mail.example', '127.0.0.1', '2001:db8::7'], Date.now()).cert)
  assert.equal(certificate.checkHost('mail.example'), 'mail.example')
  assert.equal(certificate.checkIP('127.0.0.1'), '127.0.0.1')
  assert.match(certificate.subjectAltName ?? '', /2001:DB8:0:0:0:0:0:7/)
  assert.ok(certificate.verify(certificate.publicKey))
  assert.ok(certificate.ca)
})

test('a certificate that cannot be used is named', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-net-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const file = join(dir, 'cert.pem')
  assert.throws(
    () => createIdentity({ files: [{ certFile: file, keyFile: '' }] }),
    (error) =>
      error instanceof IdentityError && error.file === file && error.message.endsWith(': No such file or directory'),
  )
  writeFileSync(file, 'not a certificate')
  assert.throws(() => createIdentity({ files: [{ certFile: file, keyFile: '' }] }), IdentityError)
})

test('a unix socket: nobody else’s is taken, one that was left behind is', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-net-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const path = join(dir, 'socket')
  const open = (at: string): ReturnType<typeof listen> =>
    listen({ address: 'unix', port: 0, unix: { path: at, mode: 0o660 }, onConnection: (c) => c.end('hello') })
  const first = await open(path)
  assert.equal(statSync(path).mode & 0o777, 0o660)
  await assert.rejects(open(path), { name: 'Error', code: 'EADDRINUSE' })
  linkSync(path, join(dir, 'left'))
  await first.stop()
  const second = await open(join(dir, 'left'))
  const said = await new Promise<string>((resolve, reject) => {
    rawConnect(join(dir, 'left'))
      .on('error', reject)
      .on('data', (octets) => resolve(octets.toString()))
  })
  assert.equal(said, 'hello')
  await second.stop()
  writeFileSync(path, 'a file')
  await assert.rejects(open(path), ListenError)
  assert.equal(statSync(path).size, 6)
})

test('an attempt to connect ends with its signal', async (t) => {
  const port = await echo(t)
  const canceled = { code: 'ECANCELED' }
  const attempt = (signal: AbortSignal): Promise<unknown> =>
    connect({ to: { address: '127.0.0.1', port }, timeoutMs: 5000, signal })
  await assert.rejects(attempt(AbortSignal.abort()), canceled)
  const stop = new AbortController()
  const pending = attempt(stop.signal)
  stop.abort()
  await assert.rejects(pending, canceled)
})

test('a service that pauses a new connection hears nothing, also behind a PROXY header', async (t) => {
  const { promise: taken, resolve } = Promise.withResolvers<Connection>()
  const heard: string[] = []
  const listener = await listen({
    address: '127.0.0.1',
    port: 0,
    proxyHeaderMs: () => 5000,
    onConnection: (connection) => {
      connection.attach({ data: (chunk) => heard.push(String(chunk)), end: () => heard.push('end'), idle() {} })
      connection.pause()
      resolve(connection)
    },
  })
  rawConnect(listener.port, '127.0.0.1').end('PROXY TCP4 192.0.2.9 192.0.2.1 4711 25\r\nhello')
  const connection = await taken
  t.after(async () => {
    connection.destroy()
    await listener.stop()
  })
  await turn()
  assert.deepEqual(heard, [])
  connection.resume()
  while (heard.length < 2) await turn()
  assert.deepEqual(heard, ['hello', 'end'])
})

test('all who keep count of a connection are told when it is gone', async (t) => {
  const told: string[] = []
  const { promise: gone, resolve } = Promise.withResolvers<void>()
  const listener = await listen({
    address: '127.0.0.1',
    port: 0,
    onConnection: (connection) => {
      for (const who of ['listener', 'crowd', 'session']) connection.whenClosed(() => void told.push(who))
      connection.whenClosed(resolve)
      connection.attach({ data() {}, end: () => connection.end(), idle() {} })
    },
  })
  t.after(() => listener.stop())
  rawConnect(listener.port, '127.0.0.1').end()
  await gone
  assert.deepEqual(told, ['listener', 'crowd', 'session'])
})
