import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Dictionary, KeywordLimitError } from './keywords.ts'
import { ACCOUNT, openTestStore } from './testing.ts'

const word = fc.constantFrom(
  '\\Seen',
  '\\Answered',
  '\\Flagged',
  '\\Deleted',
  '\\Draft',
  'Work',
  '$Forwarded',
  'a',
  'b',
)

test('what was set is read, also from a dictionary written and read again', () => {
  fc.assert(
    fc.property(fc.array(fc.uniqueArray(word), { maxLength: 8 }), (lists) => {
      const dictionary = Dictionary.empty()
      const numbers = lists.map((flags) => dictionary.encode(flags, 100))
      const again = Dictionary.parse(dictionary.text)
      assert.equal(again.version, dictionary.version)
      lists.forEach((flags, i) => {
        const number = numbers[i] ?? 0
        assert.deepEqual([...again.words(number)].sort(), [...flags].sort())
        assert.equal(dictionary.words(number), dictionary.words(number))
        for (const flag of flags) assert.equal(again.has(number, flag.toUpperCase()), true)
      })
    }),
  )
})

test('a keyword keeps its first spelling; \\Recent and unknown system flags are not stored', () => {
  const dictionary = Dictionary.empty()
  const first = dictionary.encode(['Work'], 100)
  assert.equal(dictionary.encode(['wORK', '\\Recent', '\\Nonsense', 'WORK'], 100), first)
  assert.deepEqual(dictionary.words(first), ['Work'])
  assert.deepEqual(dictionary.words(first, true), ['\\Recent', 'Work'])
  assert.equal(dictionary.has(first, '\\Nonsense'), false)
})

test('past the limit a command is refused, and a delivery goes without the keyword', async (t) => {
  const dictionary = Dictionary.empty()
  dictionary.encode(['a', 'b'], 2)
  assert.throws(() => dictionary.encode(['c'], 2), KeywordLimitError)
  assert.throws(() => dictionary.encode(['x'.repeat(256)], 100), KeywordLimitError)
  assert.deepEqual(dictionary.words(dictionary.encode(['c', 'a', '\\Seen'], 2, true)), ['\\Seen', 'a'])

  const { store, deposit, select } = await openTestStore(t, { mailbox_keyword_limit: 2 })
  await deposit('INBOX', { flags: ['one', 'two', 'three', '\\Seen'] })
  const inbox = await select()
  assert.deepEqual(inbox.keywords, ['one', 'two'])
  const { refused, modified } = await inbox.storeFlags([1], 'add', ['four', '\\Flagged'])
  assert.deepEqual([refused?.refused, modified], ['LIMIT', []])
  assert.deepEqual(inbox.flagsAt(1), ['\\Seen', '\\Recent', 'one', 'two'])
  assert.equal(store.status(ACCOUNT, 'INBOX')?.messages, 1)
})
