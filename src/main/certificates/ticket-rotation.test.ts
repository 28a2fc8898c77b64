import assert from 'node:assert/strict'
import { test } from 'node:test'
import { manualClock } from '#src/base/mod.ts'
import { TicketKeys } from '../../io/net/mod.ts'
import { TicketRotation } from './ticket-rotation.ts'

test('the key is replaced as often as a session may last, and stays where there are none', () => {
  const clock = manualClock()
  const keys = new TicketKeys(TicketKeys.memory())
  let lifetimeMs = 3_600_000
  const rotation = new TicketRotation(keys, () => lifetimeMs, clock)
  const after = (ms: number): number => {
    clock.advance(ms)
    rotation.look()
    return keys.generation
  }
  assert.deepEqual([after(3_599_999), after(1), after(3_599_999), after(1)], [1, 2, 2, 3])
  lifetimeMs = 0
  assert.equal(after(86_400_000), 3)
})
