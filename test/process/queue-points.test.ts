/**
 * A server killed between two writes while its queue sends, defers, holds, expands and reports: the short form of
 * test/stress/queue-kills.ts, which looks at every place.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { QueueTrials } from '../support/queue-kills.ts'

/** Kinds of places that are tried, out of about seventy. */
const SAMPLE = 6
/** Trials at a time. */
const JOBS = 2

test('killed between two writes, the queue loses nobody, and tells nobody twice', async (t) => {
  const trials = new QueueTrials(t)
  const whole = await trials.run({ killAt: 0, list: true })
  assert.deepEqual(whole.problems, [])
  const kinds = [...new Set(whole.points)]
  assert.ok(kinds.length > 40, `${kinds.length} kinds of places`)
  const chosen = Array.from({ length: SAMPLE }, (_, n) => kinds[Math.floor(((n + 0.5) * kinds.length) / SAMPLE)] ?? '')
  let kills = 0
  const job = async (): Promise<void> => {
    for (let kind; (kind = chosen.pop()) !== undefined;) {
      const { killed, problems } = await trials.run({ killAt: kind })
      assert.deepEqual(problems, [], kind)
      kills += killed.length
    }
  }
  await Promise.all(Array.from({ length: JOBS }, job))
  // What comes first differs from life to life: a place may not be passed.
  assert.ok(kills >= SAMPLE - 2, `${kills} kills`)
})
