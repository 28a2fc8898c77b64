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

test('feedback, cohorts and delays: of all transports, or of one', () => {
  const rest = (mainCf: string, transport = 'smtp'): readonly unknown[] => {
    const config = parseConfig(mainCf, new Map(Object.entries(queueParams)))
    const { positive, negative, failedCohortLimit, rateDelayMs, transportRateDelayMs } = readLimits(config, transport)
    return [positive, negative, failedCohortLimit, rateDelayMs, transportRateDelayMs]
  }
  const [positive, negative] = rest('')
  assert.deepEqual(rest(''), [positive, negative, 1, 0, 0])
  const all = `default_destination_concurrency_positive_feedback = 1/concurrency
default_destination_concurrency_negative_feedback = 0.5
default_destination_concurrency_failed_cohort_limit = 7
default_destination_rate_delay = 2s
default_transport_rate_delay = 3s
`
  const changed = rest(all)
  assert.notDeepEqual(changed[0], positive)
  assert.notDeepEqual(changed[1], negative)
  assert.deepEqual(changed.slice(2), [7, 2000, 3000])
  assert.deepEqual(rest(all, 'local'), changed)
  const own = all.replaceAll(/^default_/gm, 'slow_')
  assert.deepEqual(rest(own, 'slow'), changed)
  assert.deepEqual(rest(own), rest(''))
})

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
