import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { httpResponder } from './responders.ts'

const HOST = '127.0.0.1'

async function freePort(): Promise<number> {
  const server = createServer().listen(0, HOST)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // of a TCP server that listens
  server.close()
  await once(server, 'close')
  return port
}

async function shown(t: TestContext): Promise<{ port: number; close: () => Promise<void> }> {
  const port = await freePort()
  const responder = httpResponder({ host: HOST, port })
  t.after(() => responder.close())
  await responder.show({ name: 'mail.example.test', token: 'abc', authorization: 'abc.key' })
  return { port, close: () => responder.close() }
}

test('the web server for a challenge has that alone, and its port is free afterwards', async (t) => {
  const { port, close } = await shown(t)
  for (const [method, path, status, body] of [
    ['GET', '/.well-known/acme-challenge/abc', 200, 'abc.key'],
    ['HEAD', '/.well-known/acme-challenge/abc', 200, ''],
    ['POST', '/.well-known/acme-challenge/abc', 404, ''],
    ['GET', '/.well-known/acme-challenge/', 404, ''],
    ['GET', '/.well-known/acme-challenge/__proto__', 404, ''],
    ['GET', '/.well-known/acme-challenge/abc?x', 404, ''],
    ['GET', '/', 404, ''],
  ] as const) {
    const answer = await fetch(`http://${HOST}:${port}${path}`, { method })
    assert.deepEqual([answer.status, await answer.text()], [status, body], `${method} ${path}`)
  }
  await close()
  await assert.rejects(fetch(`http://${HOST}:${port}/`))
})

test('connections that say nothing do not keep the authority out', async (t) => {
  const { port, close } = await shown(t)
  const idle: Socket[] = []
  t.after(() => idle.forEach((socket) => socket.destroy()))
  for (let n = 0; n < 70; n++) {
    const socket = connect(port, HOST)
    socket.on('error', () => {})
    await once(socket, 'connect')
    idle.push(socket)
  }
  const answer = await fetch(`http://${HOST}:${port}/.well-known/acme-challenge/abc`)
  assert.equal(await answer.text(), 'abc.key')
  await close()
})
