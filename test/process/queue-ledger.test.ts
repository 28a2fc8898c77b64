/** The short form of test/stress/queue-ledger.ts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keepLedger } from '../support/ledger.ts'

test('hosts in every mood, and two kills: each recipient is delivered, returned or queued', async (t) => {
  const ledger = await keepLedger(t, {
    messages: 160,
    kills: 2,
    seed: 1,
    waitMs: 2000,
    lifetimeMs: 6000,
    limitMs: 60_000,
  })
  assert.deepEqual(ledger.problems, [])
  assert.equal(ledger.delivered + ledger.returned + ledger.queued, ledger.accepted)
  assert.ok(ledger.delivered > 0 && ledger.returned > 0)
})
