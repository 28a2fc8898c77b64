/** Places of postscreen, and when stress begins and ends. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Places } from './places.ts'

test('one place fewer than the limit; stress from nine tenths of it down to seven', () => {
  const said: string[] = []
  const places = new Places(20, (isStressed, taken) => void said.push(`${isStressed ? 'stress' : 'calm'} at ${taken}`))
  const taken = Array.from({ length: 20 }, () => places.take())
  assert.deepEqual([taken.filter(Boolean).length, places.isStressed], [19, true])
  for (let n = 19; n > 15; n--) places.leave()
  assert.equal(places.isStressed, true)
  places.leave()
  assert.equal(places.isStressed, false)
  places.take()
  places.leave()
  assert.deepEqual(said, ['stress at 17', 'calm at 14'])
})
