import assert from 'node:assert/strict'
import { test } from 'node:test'
import { retryAt } from './plan.ts'
import { verpSender } from './verp.ts'

const MINUTE = 60_000

test('a message waits as long again as it is old, between the bounds', () => {
  const cf = { minimal_backoff_time: 5 * MINUTE, maximal_backoff_time: 66 * MINUTE } as Parameters<typeof retryAt>[1] // all it reads
  const table: readonly (readonly [ageMinutes: number, waitMinutes: number])[] = [
    [0, 5],
    [4, 5],
    [10, 10],
    [40, 40],
    [600, 66],
    [-3, 5],
  ]
  for (const [age, wait] of table)
    assert.equal(retryAt(0, cf, age * MINUTE) - age * MINUTE, wait * MINUTE, `${age} min old`)
})

test('VERP senders as VERP_README has them', () => {
  const table: readonly (readonly [string, string, string, string])[] = [
    ['+=', 'owner-listname@origin', 'user@domain', 'owner-listname+user=domain@origin'],
    ['-=', 'list@origin', 'user', 'list-user@origin'],
    ['+=', '', 'user@domain', ''],
    ['+=', 'owner', 'a@b@domain', 'owner+a@b=domain'],
  ]
  for (const [delimiters, sender, recipient, expected] of table)
    assert.equal(verpSender(delimiters, sender, recipient), expected)
})
