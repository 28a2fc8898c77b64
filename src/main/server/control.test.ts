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
