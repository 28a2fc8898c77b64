import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { SearchKey } from '../../formats/imap/mod.ts'
import { COLLATIONS } from '../../formats/message/mod.ts'
import { BLOCK_MESSAGES, BLOCK_SLICES, packBlock, unpackBlock } from './search-blocks.ts'
import { indexStatus, rebuildIndex } from './search-scan.ts'
import { SIGNATURE_OCTETS } from './search-signature.ts'
import { createStore } from './store.ts'
import { ACCOUNT, indexerOf, openTestStore, type TestStore } from './testing.ts'
import { StoreUpkeep } from './upkeep.ts'

/** expunged_retention */
const RETENTION = 14 * 86_400_000

async function append({ store }: TestStore, text: string, mailbox = 'INBOX'): Promise<void> {
  const content = Buffer.from(text.replace(/\r?\n/g, '\r\n'))
  const made = await store.append(ACCOUNT, mailbox, [content], { sizeOctets: content.length, flags: [] })
  assert.ok('uid' in made)
}

test('a block gives back the signatures it was packed of', () => {
  const octets = fc.uint8Array({ minLength: SIGNATURE_OCTETS, maxLength: SIGNATURE_OCTETS })
  fc.assert(
    fc.property(fc.array(octets, { minLength: 1, maxLength: 20 }), (signatures) => {
      const all = Buffer.concat(signatures)
      const messages = signatures.map((_, i) => i)
      assert.deepEqual(Buffer.from(unpackBlock(packBlock({ messages, signatures: all }), messages.length)), all)
    }),
    { numRuns: 10 },
  )
})

/** Words that are within one another, in several scripts, with marks and cases. */
const WORDS =
  'a an ann Anna banana BANANAS straße STRASSE été ete ÉTÉ 請求書 請求 書 求 会議の議事録 привет При ΟΔΟΣ οδος Ζoё ﬁne fine 한국어 한 i İ x-y 12 12.34 =?utf-8?q?caf=C3=A9?='.split(
    ' ',
  )
const word = fc.constantFrom(...WORDS)
const blank = fc.constantFrom(' ', '  ', '\t', '\r\n', '\u00a0', '\u3000', '')
const phrase = fc.array(fc.tuple(word, blank), { maxLength: 12 }).map((parts) => parts.flat().join(''))
/** Some letters out of a phrase, also a blank or nothing. */
const needle = fc
  .tuple(phrase, fc.nat(20), fc.nat(12))
  .map(([text, from, length]) => text.slice(from % (text.length + 1), (from % (text.length + 1)) + length))

const encoded = (text: string): string => `=?utf-8?B?${Buffer.from(text).toString('base64')}?=`
const oneLine = (text: string): string => text.replace(/[\r\n]+/g, ' ').slice(0, 40)
const letter = fc
  .record({
    subject: phrase,
    from: phrase,
    note: phrase,
    body: phrase,
    kind: fc.constantFrom('plain', 'html', 'base64', 'parts', 'inner'),
    isEncoded: fc.boolean(),
  })
  .map(({ subject, from, note, body, kind, isEncoded }) => {
    const field = (text: string): string => (isEncoded ? encoded(oneLine(text)) : oneLine(text))
    const head = `Subject: ${field(subject)}\r\nFrom: ${field(from)} <a@example.org>\r\nX-Note: ${oneLine(note)}\r\n`
    const utf8 = 'Content-Type: text/plain; charset=utf-8\r\n'
    const html = `Content-Type: text/html; charset=utf-8\r\n\r\n<p>${body.replaceAll(' ', '</b> <b>')}<br>${note}</p>`
    switch (kind) {
      case 'plain':
        return `${head}${utf8}\r\n${body}`
      case 'html':
        return head + html
      case 'base64':
        return `${head}${utf8}Content-Transfer-Encoding: base64\r\n\r\n${Buffer.from(body).toString('base64')}`
      case 'parts':
        return `${head}Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n${utf8}X-Part: ${oneLine(note)}\r\n\r\n${body}\r\n--b\r\n${html}\r\n--b--\r\n`
      case 'inner':
        return `${head}Content-Type: message/rfc822\r\n\r\nSubject: ${oneLine(note)}\r\n${utf8}\r\n${body}`
      default:
        return kind satisfies never
    }
  })

const collation = fc.constantFrom(...COLLATIONS)
const textKey: fc.Arbitrary<SearchKey> = fc.oneof(
  fc.record({
    key: fc.constant('HEADER' as const),
    field: fc.constantFrom('Subject', 'from', 'X-Note', 'to', 'X-Part'),
    text: needle,
    collation,
  }),
  fc.record({ key: fc.constantFrom('BODY' as const, 'TEXT' as const), text: needle, collation }),
  fc.record({ key: fc.constantFrom('BODY' as const, 'TEXT' as const), text: phrase, fuzzy: fc.constant(true) }),
)
const { program } = fc.letrec<{ program: SearchKey }>((tie) => ({
  program: fc.oneof(
    { depthSize: 'small' },
    textKey,
    fc.record({ key: fc.constant('NOT' as const), not: tie('program') }),
    fc.record({ key: fc.constant('OR' as const), left: tie('program'), right: tie('program') }),
    fc.record({ key: fc.constant('AND' as const), keys: fc.array(tie('program'), { maxLength: 3 }) }),
  ),
}))

test('SEARCH finds the same with the index and without it, whatever became of the mailbox', async (t) => {
  const world = await openTestStore(t)
  const plain = createStore({ ...world.options, settings: { ...world.options.settings, search_index: false } })
  const indexer = indexerOf(world)
  const upkeep = new StoreUpkeep({ ...world.options, read: world.store.read.bind(world.store) })
  const compare = async (programs: readonly SearchKey[]): Promise<void> => {
    for (const name of ['INBOX', 'Archive']) {
      const [one, other] = [await world.select(name), await plain.select(ACCOUNT, name, { readOnly: true })]
      assert.ok(!('refused' in other))
      for (const key of programs)
        assert.deepEqual(await one.search(key), await other.search(key), `${name} ${JSON.stringify(key)}`)
      one.close()
      other.close()
    }
  }
  // More than a block of them, and some that wait for the next.
  await Promise.all(fc.sample(letter, BLOCK_MESSAGES + 20).map((text) => append(world, text)))
  const letters = fc.array(letter, { minLength: 4, maxLength: 12 })
  const programs = fc.array(program, { minLength: 3, maxLength: 6 })
  await fc.assert(
    fc.asyncProperty(letters, letters, programs, fc.nat(), async (indexed, fresh, keys, some) => {
      for (const text of indexed) await append(world, text)
      await indexer.run()
      const inbox = await world.select()
      const seqs = Array.from({ length: inbox.count }, (_, i) => i + 1).filter((seq) => (seq * 7 + some) % 40 === 0)
      await inbox.copy(seqs, 'Archive')
      await inbox.storeFlags(seqs.slice(0, 20), 'add', ['\\Deleted'])
      await inbox.expunge()
      inbox.close()
      for (const text of fresh) await append(world, text, some % 2 === 0 ? 'INBOX' : 'Archive')
      world.clock.advance(RETENTION)
      if (some % 3 === 0) await upkeep.run()
      await compare(keys)
    }),
    { numRuns: 5, endOnFailure: true },
  )
  await world.db.write((tx) => rebuildIndex(tx, ACCOUNT))
  await compare(fc.sample(program, 10))
  await upkeep.run()
  const { messages, indexed } = indexStatus(world.db.read, ACCOUNT)
  assert.equal(indexed, messages)
  await compare(fc.sample(program, 10))
})

test('blocks of which little is left are joined, and one of which nothing is left goes', async (t) => {
  const world = await openTestStore(t)
  const { db, store, options } = world
  const upkeep = new StoreUpkeep({ ...options, read: store.read.bind(store) })
  const count = (table: string): number => Number(db.read.sql(`SELECT count(*) FROM ${table}`).get()?.[0])
  const all = Array.from({ length: 3 * BLOCK_MESSAGES + 5 }, (_, i) => i + 1)
  await Promise.all(all.map((n) => append(world, `Subject: number ${n}.\n\n`)))
  await upkeep.run()
  assert.deepEqual([count('search_block'), count('search_slice'), count('search_recent')], [3, 3 * BLOCK_SLICES, 5])
  const inbox = await world.select()
  const gone = all.filter((n) => n <= BLOCK_MESSAGES || n % 3 > 0)
  await inbox.storeFlags(gone, 'add', ['\\Deleted'])
  await inbox.expunge()
  await inbox.refresh({ expunges: true })
  world.clock.advance(RETENTION)
  await upkeep.run()
  await upkeep.run()
  assert.deepEqual([count('search_block'), count('search_slice')], [1, BLOCK_SLICES])
  const { messages, indexed } = indexStatus(db.read)
  assert.equal(indexed, messages)
  let read = 0
  const found = await inbox.search(
    { key: 'HEADER', field: 'subject', text: 'number 2001.' },
    (_, goal) => (read = goal),
  )
  assert.deepEqual([found.map((seq) => inbox.messageIdAt(seq)), read], [[2001], 1])
  await db.write((tx) => rebuildIndex(tx, ACCOUNT))
  await append(world, 'Subject: number 2001. again\n\n')
  await upkeep.run()
  const after = indexStatus(db.read, ACCOUNT)
  assert.equal(after.indexed, after.messages)
  const again = await world.select()
  assert.equal((await again.search({ key: 'HEADER', field: 'subject', text: 'number 2001.' })).length, 2)
})
