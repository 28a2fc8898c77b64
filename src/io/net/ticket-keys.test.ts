import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TicketKeys } from './ticket-keys.ts'

test('all who share the memory have the same key, and the one before is nowhere any more', () => {
  const memory = TicketKeys.memory()
  const [one, other] = [new TicketKeys(memory), new TicketKeys(memory)]
  const before = one.current()
  assert.equal(before.length, 48)
  assert.deepEqual(other.current(), before)
  one.rotate()
  assert.equal(other.generation, one.generation)
  assert.deepEqual(other.current(), one.current())
  assert.notDeepEqual(other.current(), before)
  assert.equal(Buffer.from(new Uint8Array(memory)).includes(before), false)
})
