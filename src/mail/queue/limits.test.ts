/** Limits of transports as main.cf has them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig } from '../../io/config/mod.ts'
import { readLimits } from './limits.ts'
import { queueParams } from './params.ts'

const limits = (mainCf: string, transport: string): readonly number[] => {
  const { limit, recipients, initial } = readLimits(
    parseConfig(mainCf, new Map(Object.entries(queueParams))),
    transport,
  )
  return [limit, recipients, initial]
}

test('local has limits of its own; every transport may have them', () => {
  assert.deepEqual(limits('', 'local'), [2, 1, 5])
  assert.deepEqual(limits('', 'smtp'), [20, 50, 5])
  const own = 'local_destination_concurrency_limit = 7\nlocal_destination_recipient_limit = 3\n'
  assert.deepEqual(limits(own, 'local'), [7, 3, 5])
  assert.deepEqual(limits(own, 'smtp'), [20, 50, 5])
  const slow = 'slow_destination_concurrency_limit = 1\nslow_initial_destination_concurrency = 1\n'
  assert.deepEqual(limits(slow, 'slow'), [1, 50, 1])
  assert.deepEqual(limits('initial_destination_concurrency = 3\n', 'local'), [2, 1, 3])
})
