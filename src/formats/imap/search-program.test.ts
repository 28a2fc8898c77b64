import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SearchKey } from './contract.ts'
import { Cursor } from './cursor.ts'
import { takeSearch } from './search.ts'
import { SEARCH_RANGES_LIMIT, type SearchContext } from './search-program.ts'

const parse = (text: string, context: Partial<SearchContext> = {}): SearchKey =>
  takeSearch(new Cursor(Buffer.from(text)), { saved: [], ...context }).key

const partsOf = (key: SearchKey): readonly SearchKey[] => (key.key === 'AND' ? key.keys : [key])

test('`$` is one set, however often it stands there', () => {
  const [first, second, third] = partsOf(parse('$ UID $ $', { saved: [1, 2, 3, 7, 9] }))
  assert.deepEqual(first, {
    key: 'UID',
    set: [
      [1, 3],
      [7, 7],
      [9, 9],
    ],
  })
  const setOf = (key: SearchKey | undefined): unknown => key !== undefined && 'set' in key && key.set
  assert.equal(setOf(second), setOf(first))
  assert.equal(setOf(third), setOf(first))
})

test('a filter is asked for and read once, and counts each time', () => {
  const asked: string[] = []
  const filters: Readonly<Record<string, string>> = {
    twice: 'FILTER once FILTER Once',
    once: 'UID 1,3,5 FUZZY SUBJECT x MODSEQ 7',
    many: Array.from({ length: 1000 }, (_, i) => `UID ${i + 1}`).join(' '),
    wide: `UID ${Array.from({ length: SEARCH_RANGES_LIMIT / 20 }, (_, i) => 2 * i + 1).join()}`,
    itself: 'OR SEEN FILTER itself',
  }
  const filter = (name: string): Buffer | undefined => {
    asked.push(name)
    const value = filters[name]
    return value === undefined ? undefined : Buffer.from(value)
  }
  const command = takeSearch(new Cursor(Buffer.from('FILTER twice FILTER once')), { saved: [], filter })
  assert.deepEqual(asked, ['twice', 'once'])
  assert.deepEqual([command.fuzzy, command.modSeq], [true, true])
  const [twice, once] = partsOf(command.key)
  assert.deepEqual(partsOf(twice!), [once, once])
  assert.throws(() => parse('FILTER many '.repeat(10), { filter }), /Too many search keys/)
  partsOf(parse('FILTER wide '.repeat(20) + 'ALL', { filter }))
  assert.throws(() => parse('FILTER wide '.repeat(21) + 'ALL', { filter }), /Too many ranges/)
  assert.throws(() => parse('FILTER itself', { filter }), /No such filter/)
})

test('filters within filters have a bound, also where they were read before', () => {
  const filter = (name: string): Buffer => Buffer.from(name === 'f1' ? 'SEEN' : `FILTER f${Number(name.slice(1)) - 1}`)
  parse('FILTER f10', { filter })
  parse('FILTER f5 FILTER f10', { filter })
  assert.throws(() => parse('FILTER f11', { filter }), /No such filter/)
  assert.throws(() => parse('FILTER f6 FILTER f11', { filter }), /No such filter/)
})
