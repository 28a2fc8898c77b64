/** Links that whoever owns Postfix's queue left in the place of a file lead nowhere. */
import assert from 'node:assert/strict'
import { lstatSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeValid, writeUnfinished } from './queue-directory.ts'

test('a file is written unfinished and made valid; a link in its place is neither written nor changed through', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-queue-directory-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const [path, secret] = [join(dir, 'A1'), join(dir, 'secret')]
  writeFileSync(secret, 'root’s', { mode: 0o600 })
  symlinkSync(secret, path)
  assert.throws(() => makeValid(path), /ELOOP/)
  writeUnfinished(path, [Buffer.from('one '), Buffer.from('two')], 5000)
  assert.equal(readFileSync(secret, 'utf8'), 'root’s')
  assert.equal(statSync(secret).mode & 0o777, 0o600)
  const file = lstatSync(path)
  assert.deepEqual([file.isFile(), file.mode & 0o777, file.mtimeMs], [true, 0o600, 5000])
  assert.equal(readFileSync(path, 'utf8'), 'one two')
  makeValid(path)
  assert.equal(statSync(path).mode & 0o777, 0o700)
  makeValid(join(dir, 'taken')) // by Postfix, meanwhile
})
