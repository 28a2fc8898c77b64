import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { askControl, serveControl } from './control.ts'

test('a tool asks and is answered; what is no request is refused and the next is served', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-control-'))
  const path = join(dir, 'control')
  const server = await serveControl(path, async (request) => {
    if (request.command === 'fail') throw new Error('on purpose')
    return { ok: true, echo: request['word'] }
  })
  t.after(() => {
    server.close()
    rmSync(dir, { recursive: true })
  })
  assert.deepEqual(await askControl(path, { command: 'x', word: 'hello' }), { ok: true, echo: 'hello' })
  assert.deepEqual(await askControl(path, { command: 'fail' }), { ok: false, error: 'on purpose' })
  const rubbish = connect(path)
  rubbish.end('{"no":"command"}\n')
  let seen = ''
  for await (const chunk of rubbish) seen += String(chunk)
  assert.equal(seen, '{"ok":false,"error":"not a request"}\n')
  assert.deepEqual(await askControl(path, { command: 'x', word: 1 }), { ok: true, echo: 1 })
})

test('no server: the tool is told', async () => {
  await assert.rejects(askControl('/nonexistent/control', { command: 'status' }), { code: 'ENOENT' })
})

test('what a client says behind its request is not gathered', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-control-'))
  const path = join(dir, 'control')
  const server = await serveControl(path, () => new Promise(() => {})) // never answers
  const socket = connect(path)
  t.after(() => {
    socket.destroy()
    server.close()
    rmSync(dir, { recursive: true })
  })
  const piece = Buffer.alloc(1024 * 1024, 0x78)
  const before = process.memoryUsage()
  socket.write('{"command":"x"}\n')
  for (let n = 0; n < 64; n++) await new Promise((resolve) => socket.write(piece, resolve))
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  assert.ok(heapUsed + arrayBuffers < before.heapUsed + before.arrayBuffers + 48 * piece.length)
})

test('a request that has no end is cut off', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-control-'))
  const path = join(dir, 'control')
  const server = await serveControl(path, async () => ({ ok: true }))
  t.after(() => {
    server.close()
    rmSync(dir, { recursive: true })
  })
  const socket = connect({ path, allowHalfOpen: true })
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  let said = ''
  socket.on('data', (chunk) => (said += String(chunk))).on('error', () => {})
  const talk = (error?: Error | null): void => {
    if (error === undefined || error === null) socket.write(Buffer.alloc(65_536, 0x78), talk)
  }
  talk()
  await closed
  assert.match(said, /^(?:\{"ok":false,"error":"too long"\}\n)?$/)
})
