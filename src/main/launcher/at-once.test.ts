import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AtOnce } from './at-once.ts'

test('so many run at a time, in order, whatever becomes of them', async () => {
  const turns = new AtOnce(3)
  const begun: number[] = []
  let running = 0
  let most = 0
  const work = async (n: number): Promise<number> => {
    begun.push(n)
    most = Math.max(most, ++running)
    await new Promise((go) => setImmediate(go))
    running--
    if (n % 2 === 1) throw new Error('no answer')
    return n
  }
  const numbers = Array.from({ length: 10 }, (_, n) => n)
  const ends = await Promise.allSettled(numbers.map((n) => turns.run(() => work(n))))
  assert.deepEqual([begun, most], [numbers, 3])
  assert.deepEqual(
    ends.map(({ status }) => status),
    numbers.map((n) => (n % 2 === 1 ? 'rejected' : 'fulfilled')),
  )
  assert.equal(await turns.run(() => work(12)), 12)
})
