import assert from 'node:assert/strict'
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { AccountError } from './errors.ts'
import { readKey, Seal } from './seal.ts'
import { temporaryDirectory } from './test-accounts.ts'

const wrongKey = (thrown: unknown): boolean => thrown instanceof AccountError && thrown.fault === 'wrong-key'

test('what is sealed opens for its account and key only', () => {
  const seal = new Seal(Buffer.alloc(32, 1))
  const sealed = seal.seal(5, 'verifiers')
  assert.equal(seal.open(5, sealed), 'verifiers')
  assert.throws(() => seal.open(6, sealed), wrongKey)
  assert.throws(() => new Seal(Buffer.alloc(32, 2)).open(5, sealed), wrongKey)
  for (let at = 0; at < sealed.length; at++) {
    const changed = Buffer.from(sealed)
    changed[at] = (changed[at] ?? 0) ^ 1
    assert.throws(() => seal.open(5, changed), wrongKey, `octet ${at}`)
  }
  for (const short of [0, 5, 12, 27]) assert.throws(() => seal.open(5, sealed.subarray(0, short)), wrongKey)
})

test('a decoy is the same each time, and another for another purpose', () => {
  const seal = new Seal(Buffer.alloc(32, 1))
  assert.deepEqual(seal.decoy('a', 16), seal.decoy('a', 16))
  assert.notDeepEqual(seal.decoy('a', 16), seal.decoy('b', 16))
  assert.notDeepEqual(seal.decoy('a', 16), new Seal(Buffer.alloc(32, 2)).decoy('a', 16))
})

test('a key is made once, readable by its owner only', (t) => {
  const directory = temporaryDirectory(t)
  const path = join(directory, 'credential.key')
  assert.throws(() => readKey(path, false), wrongKey)
  assert.ok(!existsSync(path))
  const key = readKey(path, true)
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.deepEqual(readKey(path, true), key)
  assert.deepEqual(readKey(path, false), key)
  assert.deepEqual(readdirSync(directory), ['credential.key'])
})

test('a file that is no key is not replaced', (t) => {
  const path = join(temporaryDirectory(t), 'credential.key')
  writeFileSync(path, 'short')
  assert.throws(() => readKey(path, true), wrongKey)
})
