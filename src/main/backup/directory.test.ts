import assert from 'node:assert/strict'
import { chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openDirectory } from './directory.ts'

const NOBODY = 65_534

test('a directory that somebody else has made, or its lock a link of theirs, is no place for a backup', (t) => {
  const top = mkdtempSync(join(tmpdir(), 'postigo-directory-'))
  t.after(() => rmSync(top, { recursive: true }))
  const [data, dir] = [join(top, 'data'), join(top, 'kept')]
  mkdirSync(data)
  openDirectory(dir, data).release()
  openDirectory(dir, data).release()
  rmSync(join(dir, 'lock'))
  symlinkSync(join(top, 'made'), join(dir, 'lock'))
  assert.throws(() => openDirectory(dir, data), /ELOOP/)
  assert.equal(existsSync(join(top, 'made')), false)
  rmSync(join(dir, 'lock'))
  if (process.getuid?.() !== 0) return // nobody else can give a directory away
  chownSync(join(dir, 'segments'), NOBODY, NOBODY)
  assert.throws(() => openDirectory(dir, data), /segments belongs to somebody else/)
  const theirs = join(top, 'theirs')
  mkdirSync(theirs)
  chownSync(theirs, NOBODY, NOBODY)
  assert.throws(() => openDirectory(theirs, data), /theirs belongs to somebody else \(user id 65534\)/)
  assert.deepEqual(readdirSync(theirs), [])
})
