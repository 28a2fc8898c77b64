import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConcurrencyWindow, parseFeedback, type WindowLimits } from './feedback.ts'

const limits: WindowLimits = {
  initial: 5,
  limit: 20,
  positive: parseFeedback('1'),
  negative: parseFeedback('1'),
  failedCohortLimit: 1,
}

test('feedback is a number, alone or divided', () => {
  assert.deepEqual(parseFeedback('1'), { amount: 1, divisor: 'none' })
  assert.deepEqual(parseFeedback(' 1/8 '), { amount: 0.125, divisor: 'none' })
  assert.deepEqual(parseFeedback('1/concurrency'), { amount: 1, divisor: 'concurrency' })
  assert.deepEqual(parseFeedback('0.5 / sqrt_concurrency'), { amount: 0.5, divisor: 'sqrt_concurrency' })
  for (const text of ['', 'x', '1/', '1/0', '-1', '1/other']) assert.throws(() => parseFeedback(text), RangeError, text)
})

test('each success makes the window one larger while it is used, up to the limit', () => {
  const window = new ConcurrencyWindow(limits)
  const sizes = Array.from({ length: 18 }, () => (window.succeeded(limits, window.size), window.size))
  assert.deepEqual(sizes.slice(0, 4), [6, 7, 8, 9])
  assert.equal(sizes.at(-1), 20)
  const idle = new ConcurrencyWindow(limits)
  for (let i = 0; i < 10; i++) idle.succeeded(limits, 1)
  assert.equal(idle.size, 6, 'one delivery at a time asks for no more')
})

test('1/concurrency: one more after a whole window of successes', () => {
  const slow = { ...limits, positive: parseFeedback('1/concurrency') }
  const window = new ConcurrencyWindow(slow)
  const sizes = Array.from({ length: 11 }, () => (window.succeeded(slow, window.size), window.size))
  assert.deepEqual(sizes, [5, 5, 5, 5, 6, 6, 6, 6, 6, 6, 7])
})

test('a cohort of failures is death, a success in between is not', () => {
  const dead = new ConcurrencyWindow({ ...limits, initial: 2, negative: parseFeedback('0') })
  dead.failed({ ...limits, negative: parseFeedback('0') })
  assert.equal(dead.dead, false)
  dead.succeeded({ ...limits, positive: parseFeedback('0') }, 2)
  dead.failed({ ...limits, negative: parseFeedback('0') })
  assert.equal(dead.dead, false)
  dead.failed({ ...limits, negative: parseFeedback('0') })
  assert.equal(dead.dead, true)
  dead.revive(limits)
  assert.equal(dead.size, 5)
})

test('without a cohort limit failures lead to one delivery at a time, never to none', () => {
  const patient = { ...limits, failedCohortLimit: 0 }
  const window = new ConcurrencyWindow(patient)
  for (let i = 0; i < 20; i++) window.failed(patient)
  assert.equal(window.size, 1)
})
