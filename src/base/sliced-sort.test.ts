import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { slicedSort } from './sliced-sort.ts'

test('slicedSort() is Array.sort, equal values in their order, and pauses', async () => {
  const value = fc.record({ key: fc.nat(50), place: fc.nat() })
  const values = fc.array(value, { maxLength: 5000, size: 'max' })
  const byKey = (a: { key: number }, b: { key: number }): number => a.key - b.key
  await fc.assert(
    fc.asyncProperty(values, async (some) => {
      let pauses = 0
      const sorted = await slicedSort(some, byKey, () => void pauses++)
      assert.deepEqual(sorted, some.toSorted(byKey))
      assert.ok(pauses >= Math.floor(some.length / 1024))
    }),
    { numRuns: 30 },
  )
})
