/** What clients do is counted by all threads together, in a table of fixed size. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { manualClock } from '#src/base/mod.ts'
import { SharedRates } from './rates.ts'

const MINUTE = 60_000

function threads(): { readonly clock: ReturnType<typeof manualClock>; readonly thread: (n: number) => SharedRates } {
  const clock = manualClock()
  const memory = SharedRates.memory()
  return { clock, thread: (n) => new SharedRates({ memory, thread: n, clock }) }
}

test('connections and counts are those of all threads, of one service', () => {
  const { thread } = threads()
  const [one, two] = [thread(1).of('smtp', MINUTE), thread(63).of('smtp', MINUTE)]
  assert.equal(one.opened('192.0.2.1'), 1)
  assert.equal(two.opened('192.0.2.1'), 2)
  assert.equal(thread(1).of('submission', MINUTE).opened('192.0.2.1'), 1)
  assert.equal(two.opened('192.0.2.2'), 1)
  one.closed('192.0.2.1')
  assert.equal(two.opened('192.0.2.1'), 2)
  assert.deepEqual([one.count('auth', '192.0.2.1'), two.count('auth', '192.0.2.1')], [1, 2])
  assert.equal(one.count('message', '192.0.2.1'), 1)
})

test('counts begin anew after the time unit, connections stay', () => {
  const { clock, thread } = threads()
  const rates = thread(1).of('smtp', MINUTE)
  rates.opened('192.0.2.1')
  for (let n = 1; n <= 3; n++) assert.equal(rates.count('connection', '192.0.2.1'), n)
  clock.advance(MINUTE)
  assert.equal(rates.count('connection', '192.0.2.1'), 1)
  clock.advance(-2 * MINUTE) // the machine's clock was set back
  assert.equal(rates.count('connection', '192.0.2.1'), 1)
  assert.equal(rates.opened('192.0.2.1'), 2)
})

test('connections of a thread that died are forgotten when one begins in its place', () => {
  const { thread } = threads()
  const [one, two] = [thread(1).of('smtp', MINUTE), thread(2).of('smtp', MINUTE)]
  one.opened('192.0.2.1')
  two.opened('192.0.2.1')
  const again = thread(1)
  again.begin()
  assert.equal(again.of('smtp', MINUTE).opened('192.0.2.1'), 2)
})

test('a flood of addresses takes no more room, and who has connections is remembered', () => {
  const { clock, thread } = threads()
  const rates = thread(1).of('smtp', MINUTE)
  for (let n = 0; n < 5; n++) rates.opened('192.0.2.1')
  clock.advance(1000)
  for (let n = 0; n < 50_000; n++) {
    const address = `2001:db8::${n.toString(16)}`
    rates.opened(address)
    rates.closed(address)
  }
  assert.equal(rates.opened('192.0.2.1'), 6)
})

test('what was never opened cannot be closed', () => {
  const { thread } = threads()
  const rates = thread(1).of('smtp', MINUTE)
  rates.closed('192.0.2.1')
  rates.opened('192.0.2.1')
  rates.closed('192.0.2.1')
  rates.closed('192.0.2.1')
  assert.equal(rates.opened('192.0.2.1'), 1)
})
