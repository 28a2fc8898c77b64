import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Cursor } from './cursor.ts'
import { ImapError } from './error.ts'
import { ENTRIES_LIMIT, printMetadataValue, takeEntries, takeEntryValues, takeMetadataQuery } from './metadata.ts'

const cursor = (text: string | Buffer): Cursor => new Cursor(Buffer.from(text))

test('takeMetadataQuery() takes options before and behind the mailbox', () => {
  const entries = ['/shared/comment']
  const table: readonly [string, object][] = [
    ['INBOX /shared/comment', { mailbox: 'INBOX', depth: '0', maxSize: undefined, entries }],
    ['"" (/shared/comment)', { mailbox: '', depth: '0', maxSize: undefined, entries }],
    ['(MAXSIZE 9 DEPTH infinity) a (/shared/comment)', { mailbox: 'a', depth: 'infinity', maxSize: 9, entries }],
    ['a (depth 1) "/shared/comment"', { mailbox: 'a', depth: '1', maxSize: undefined, entries }],
  ]
  for (const [text, query] of table) assert.deepEqual(takeMetadataQuery(cursor(text)), query, text)
})

test('takeEntries() refuses what is no name of an entry', () => {
  const wrong = [
    '()',
    'x',
    '/other/a',
    '/private//a',
    '/private/a/',
    '"/private/a*"',
    '"/shared/%"',
    '"/private/\u00e9"',
  ]
  for (const text of [...wrong, '/privateer/a', `/private/${'x'.repeat(1000)}`])
    assert.throws(() => takeEntries(cursor(text)), ImapError, text)
  const many = `(${'/private/a '.repeat(ENTRIES_LIMIT)}/private/a)`
  assert.throws(() => takeEntries(cursor(many)), /Too many entries/)
})

test('takeEntryValues() reads what printMetadataValue() prints', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2000 }), (octets) => {
      const value = Buffer.from(octets)
      const text = Buffer.concat([
        Buffer.from('(/private/a '),
        printMetadataValue(value),
        Buffer.from(' /shared/b NIL)'),
      ])
      assert.deepEqual(takeEntryValues(cursor(text)), [
        { entry: '/private/a', value },
        { entry: '/shared/b', value: undefined },
      ])
    }),
  )
})

test('any octets are a query, values, or refused', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      'INBOX ',
      '"" ',
      '(',
      ')',
      '/private/a ',
      '/shared',
      ' ',
      'MAXSIZE 1 ',
      'DEPTH ',
      'NIL',
      '{3}\r\nabc',
      '\0',
    ),
    fc.uint8Array({ maxLength: 5 }).map((octets) => Buffer.from(octets).toString('latin1')),
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const octets = Buffer.from(pieces.join(''), 'latin1')
      for (const take of [takeMetadataQuery, takeEntryValues]) {
        try {
          take(new Cursor(octets))
        } catch (error) {
          assert.ok(error instanceof ImapError)
        }
      }
    }),
    { numRuns: 1000 },
  )
})
