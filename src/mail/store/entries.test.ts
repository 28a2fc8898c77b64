import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Entries, ENTRY_OCTETS, type Entry, joinEntries, lowerBound } from './entries.ts'
import { Numbers } from './numbers.ts'

const entry: fc.Arbitrary<Entry> = fc.record(
  {
    uid: fc.integer({ min: 1, max: 0xffff_ffff }),
    flags: fc.integer({ min: 0, max: 0xffff_ffff }),
    sizeOctets: fc.integer({ min: 0, max: 0xffff_ffff }),
    modSeq: fc.maxSafeNat(),
    message: fc.maxSafeNat(),
    dateMs: fc.integer({ min: -62_135_596_800_000, max: 253_402_300_799_000 }),
  },
  { noNullPrototype: true },
)

test('entries come back as they were put in, from any place in memory', () => {
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 20 }), fc.nat({ max: 7 }), (list, shift) => {
      const entries = Entries.ofLength(list.length)
      list.forEach((one, i) => entries.set(i, one))
      assert.equal(entries.octets.length, list.length * ENTRY_OCTETS)
      const moved = new Uint8Array(entries.octets.length + shift)
      moved.set(entries.octets, shift)
      const read = new Entries(moved.subarray(shift))
      assert.deepEqual(
        list.map((_, i) => read.at(i)),
        list,
      )
      const twice = joinEntries([read, entries])
      assert.deepEqual(
        twice.pick([list.length, 0].slice(0, list.length)).octets.length,
        Math.min(2, list.length) * ENTRY_OCTETS,
      )
      assert.deepEqual(
        list.map((_, i) => twice.at(list.length + i)),
        list,
      )
    }),
  )
  assert.throws(() => new Entries(new Uint8Array(ENTRY_OCTETS + 1)), RangeError)
})

test('sequence numbers pass over what is gone', () => {
  const set = fc.uniqueArray(fc.nat({ max: 40 })).map((places) => Int32Array.from(places).sort())
  fc.assert(
    fc.property(fc.nat({ max: 40 }), set, (limit, gone) => {
      const numbers = new Numbers(limit, gone)
      const there = Array.from({ length: limit }, (_, place) => place).filter((place) => !gone.includes(place))
      assert.equal(numbers.count, there.length)
      there.forEach((place, i) => {
        assert.equal(numbers.placeOf(i + 1), place)
        assert.equal(numbers.seqAt(place), i + 1)
        assert.equal(numbers.isGone(place), false)
      })
      for (const place of gone) assert.equal(numbers.isGone(place), place < limit)
      for (const seq of [0, -1, there.length + 1, Number.NaN]) assert.equal(numbers.placeOf(seq), -1)
    }),
  )
})

test('lowerBound() is the first that is not below', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 50 })), fc.nat({ max: 50 }), (list, wanted) => {
      const sorted = list.toSorted((a, b) => a - b)
      const found = sorted.findIndex((n) => n >= wanted)
      assert.equal(lowerBound(sorted, wanted), found < 0 ? sorted.length : found)
    }),
  )
})
