import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Strangers } from './strangers.ts'

test('a host has its places, all hosts a hundred times as many, and who leaves makes room once', () => {
  const strangers = new Strangers()
  const first = strangers.enter('a', 2)
  assert.ok(first !== undefined && strangers.enter('a', 2) !== undefined)
  assert.equal(strangers.enter('a', 2), undefined)
  first()
  first()
  assert.ok(strangers.enter('a', 2) !== undefined)
  assert.equal(strangers.enter('a', 2), undefined)
  for (let n = 2; n < 200; n++) assert.ok(strangers.enter(`host ${n}`, 2) !== undefined)
  assert.equal(strangers.enter('z', 2), undefined)
  assert.ok(strangers.enter('z', 0) !== undefined)
})
