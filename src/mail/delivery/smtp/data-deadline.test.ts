import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DataDeadline } from './data-deadline.ts'

test('octets that leave give time back, never more than the limit', () => {
  const deadline = new DataDeadline(10_000, 500)
  deadline.sent(1000, 6000)
  assert.equal(deadline.leftMs, 6000)
  deadline.sent(1_000_000, 1000)
  assert.equal(deadline.leftMs, 10_000)
  deadline.sent(10, 20_000)
  assert.equal(deadline.leftMs, 0)
  const strict = new DataDeadline(10_000, 1_000_000)
  strict.sent(1000, 6000)
  assert.equal(strict.leftMs, 4001)
})
