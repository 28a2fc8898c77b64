/** What became of recipients is written, also where the disk has no room for a while. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Settling } from './settling.ts'
import type { Settlement } from './store.ts'

const full = Object.assign(new Error('database or disk is full'), { errcode: 13 })
const failing = Object.assign(new Error('disk I/O error'), { errcode: 10 | (3 << 8) })
const settlements = [{ recipient: 1 }] as unknown as readonly Settlement[] // handed on as they are

/** A store that answers so, one call after the other; then that the message is gone. */
function storeThat(...answers: readonly Error[]): { calls: number; settle: () => Promise<boolean> } {
  const store = {
    calls: 0,
    settle(): Promise<boolean> {
      const answer = answers[store.calls++]
      return answer === undefined ? Promise.resolve(true) : Promise.reject(answer)
    },
  }
  return store
}

test('while there is no room it is tried again, and meanwhile nothing else begins', async () => {
  const store = storeThat(full, failing)
  const settling = new Settling(store, new AbortController().signal)
  const written = settling.write('Q1', 1, settlements)
  await new Promise((wake) => setImmediate(wake))
  assert.equal(settling.isStuck, true)
  assert.equal(await written, true)
  assert.equal(settling.isStuck, false)
  assert.equal(store.calls, 3)
})

test('what is no matter of room is said at once', async () => {
  const store = storeThat(new TypeError('a mistake'))
  const settling = new Settling(store, new AbortController().signal)
  await assert.rejects(settling.write('Q1', 1, settlements), /a mistake/)
  assert.equal(settling.isStuck, false)
})

test('the end of the run is not held up', async () => {
  const end = new AbortController()
  const settling = new Settling(storeThat(full, full, full), end.signal)
  const written = settling.write('Q1', 1, settlements)
  await new Promise((wake) => setImmediate(wake))
  end.abort()
  await assert.rejects(written, /full/)
})

test('many are written in transactions of a bounded size', async () => {
  const sizes: number[] = []
  const settle = (_: number, some: readonly Settlement[]): Promise<boolean> =>
    Promise.resolve(sizes.push(some.length) > 2)
  const many = Array.from({ length: 1200 }, () => settlements[0]!)
  assert.equal(await new Settling({ settle }, new AbortController().signal).write('Q1', 1, many), true)
  assert.deepEqual(sizes, [500, 500, 200])
})
