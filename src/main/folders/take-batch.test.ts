import assert from 'node:assert/strict'
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { takeBatch } from './take-batch.ts'

const NOBODY = { uid: 65_534, gid: 65_534 }

test('a batch is read with the rights of who owns the data, and no link is followed', (t) => {
  const top = mkdtempSync(join(tmpdir(), 'postigo-batch-'))
  t.after(() => rmSync(top, { recursive: true }))
  const [dir, secret] = [join(top, 'data'), join(top, 'secret')]
  mkdirSync(dir)
  const text = '{"messages":[{"uid":1,"length":4}]}\na\r\nb'
  writeFileSync(secret, text, { mode: 0o600 })
  writeFileSync(join(dir, 'batch'), text)
  assert.deepEqual(takeBatch(dir, 'batch', { uid: process.getuid?.() ?? 0, gid: 0 })[0]?.text, Buffer.from('a\nb'))
  assert.equal(existsSync(join(dir, 'batch')), false)
  symlinkSync(secret, join(dir, 'link'))
  assert.throws(() => takeBatch(dir, 'link', { uid: process.getuid?.() ?? 0, gid: 0 }), /ELOOP/)
  if (process.getuid?.() !== 0) return // nobody else can act as another
  chmodSync(top, 0o755)
  chownSync(dir, NOBODY.uid, NOBODY.gid)
  assert.throws(() => takeBatch(dir, '../secret', NOBODY), /EACCES/)
  assert.equal(existsSync(secret), true)
})
