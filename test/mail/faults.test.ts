/** A disk that fails once, or from a moment on: the short form of test/stress/faults.ts, which looks at every place. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FaultKind } from '../support/faults.ts'
import { FaultTrials } from '../support/fault-trials.ts'

/** Places of each kind that are tried, out of about seventy. */
const SAMPLE = 2

test('whatever write, sync, rename or commit fails: what was acknowledged is there once, what was refused is not', async (t) => {
  const trials = new FaultTrials()
  t.after(() => trials.close())
  const whole = await trials.run({ at: 0, kind: 'EIO', lasting: false })
  assert.deepEqual([whole.problems, whole.refused], [[], []])
  assert.ok(whole.places > 40, `${whole.places} places`)
  let failed = 0
  for (const [k, [kind, lasting]] of (
    [
      ['ENOSPC', false],
      ['EIO', false],
      ['short', false],
      ['ENOSPC', true],
      ['EIO', true],
    ] as readonly (readonly [FaultKind, boolean])[]
  ).entries())
    for (let n = 0; n < SAMPLE; n++) {
      const at = 1 + Math.floor(((n + (k + 1) / 6) * whole.places) / SAMPLE)
      const result = await trials.run({ at, kind, lasting })
      assert.deepEqual(result.problems, [], `${kind}${lasting ? ' from' : ' at'} place ${at}, ${result.failed}`)
      if (result.failed !== undefined) failed++
      if (kind === 'short') assert.deepEqual(result.refused, [], `a short write at place ${at}`)
    }
  assert.ok(failed >= 4 * SAMPLE)
})
