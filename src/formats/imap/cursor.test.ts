import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Cursor, NESTING_LIMIT } from './cursor.ts'
import { takeDate, takeDateTime } from './date-time.ts'
import { ImapError } from './error.ts'
import { takeFetch } from './fetch.ts'
import { parseMessageUrl } from './imap-url.ts'
import { takeMailboxFilter } from './mailbox-filter.ts'
import { decodeMailbox, encodeMailbox } from './mailbox-name.ts'
import { windowOf } from './partial.ts'
import { takeSearch } from './search.ts'
import { normalise, printSet, takeSequenceSet } from './sequence-set.ts'
import { takeSort, takeThread } from './sort.ts'

const words = fc.constantFrom(
  'BODY',
  'BODY.PEEK',
  '[',
  ']',
  '<0.5>',
  '(',
  ')',
  ' ',
  '"',
  '\\',
  '{3}\r\n',
  '{3+}\r\n',
  '~{1}\r\n',
  '*',
  ':',
  ',',
  '1',
  '0',
  '4294967296',
  '$',
  'NOT ',
  'OR ',
  'UID ',
  'HEADER',
  'HEADER.FIELDS',
  '.1',
  'MIME',
  'RETURN (',
  'SAVE',
  'CHARSET ',
  'utf-7',
  'iso-8859-1',
  'utf-16',
  'MODSEQ ',
  'KEYWORD ',
  'SINCE ',
  '1-Feb-1994',
  'BINARY',
  'NIL',
  '+',
  'FUZZY ',
  'RELEVANCY',
  'PARTIAL 1:2',
  'PARTIAL -1:-2',
  'CHANGEDSINCE 5',
  'EMAILID M1',
  'PREVIEW (LAZY)',
  'subtree ',
  '/INBOX/;UID=1',
  ';SECTION=1.MIME',
  '%ff',
  '/;PARTIAL=1.2',
)
const octets = fc.oneof(
  fc.uint8Array({ maxLength: 80 }).map((array) => Buffer.from(array)),
  fc.array(fc.oneof(words, fc.string({ maxLength: 4 })), { maxLength: 14 }).map((parts) => Buffer.from(parts.join(''))),
)

const takes: Readonly<Record<string, (cursor: Cursor) => unknown>> = {
  'a string': (cursor) => cursor.takeString(),
  'an astring': (cursor) => cursor.takeAString(),
  'an nstring': (cursor) => cursor.takeNString(),
  'a pattern of LIST': (cursor) => cursor.takeListMailbox(),
  'a list': (cursor) => cursor.takeList(() => cursor.takeAString()),
  flags: (cursor) => cursor.takeFlags(),
  'a date': takeDate,
  'a date-time': takeDateTime,
  'a sequence set': takeSequenceSet,
  'a FETCH': (cursor) => takeFetch(cursor),
  'a SEARCH': (cursor) => takeSearch(cursor, { saved: [3, 5] }),
  'a SORT': (cursor) => takeSort(cursor, { saved: [] }),
  'a THREAD': (cursor) => takeThread(cursor, { saved: [] }),
  'a mailbox specifier': takeMailboxFilter,
  'the URL of a message': (cursor) => parseMessageUrl(cursor.rest.toString()),
}

for (const [name, take] of Object.entries(takes)) {
  test(`any octets are ${name} or an ImapError`, () => {
    fc.assert(
      fc.property(octets, (input) => {
        const cursor = new Cursor(input)
        try {
          take(cursor)
        } catch (error) {
          if (!(error instanceof ImapError)) throw error
        }
        assert.ok(cursor.at <= input.length, 'the cursor stays within the command')
      }),
      { numRuns: 1500 },
    )
  })
}

test('a search program nested too deeply is an ImapError', () => {
  for (const nest of ['(', 'NOT ', 'OR ALL ', 'FUZZY '])
    assert.throws(
      () => takeSearch(new Cursor(Buffer.from(`${nest.repeat(NESTING_LIMIT + 1)}ALL`)), { saved: [] }),
      ImapError,
    )
})

test('a printed sequence set reads as the same numbers', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 300 }), { minLength: 1 }), (list) => {
      const numbers = list.toSorted((a, b) => a - b)
      const set = takeSequenceSet(new Cursor(Buffer.from(printSet(numbers))))
      assert.ok(set !== '$')
      const read = normalise(set, 300).flatMap(([a, b]) => Array.from({ length: b - a + 1 }, (_, i) => a + i))
      assert.deepEqual(read, numbers)
    }),
  )
})

test('a mailbox name in modified UTF-7 reads as it was', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 30 }), (name) => {
      assert.equal(decodeMailbox(encodeMailbox(name)), name)
    }),
  )
})

test('a control character is refused in a mailbox name, encoded too', () => {
  for (const name of ['a\nb', 'a&AAo-b', '&AAA-', '&AH8-']) assert.throws(() => decodeMailbox(name), ImapError, name)
})

test('a window over results is what its range names, from either end', () => {
  const range = fc.record({
    a: fc.integer({ min: 1, max: 30 }),
    b: fc.integer({ min: 1, max: 30 }),
    fromEnd: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.nat(20), range, (n, { a, b, fromEnd }) => {
      const results = Array.from({ length: n }, (_, i) => 100 + i)
      const sign = fromEnd ? '-' : ''
      const command = `RETURN (PARTIAL ${sign}${a}:${sign}${b}) ALL`
      const { partial } = takeSearch(new Cursor(Buffer.from(command)), { saved: [] })
      assert.ok(partial !== undefined)
      const placeOf = (i: number): number => (fromEnd ? n - i : i + 1)
      const expected = results.filter((_, i) => placeOf(i) >= Math.min(a, b) && placeOf(i) <= Math.max(a, b))
      assert.deepEqual(windowOf(results, partial), expected)
    }),
  )
})
