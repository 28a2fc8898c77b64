/** What the record of several messages, or of one that replaces another, makes after a power cut. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { afterPowerCut } from './account-state.ts'
import { recordIdOf, type AppendFacts } from './append.ts'
import { appendReplay } from './store.ts'
import { ACCOUNT, openTestStore, type TestStore } from './testing.ts'

const ID = Buffer.alloc(16, 7)

function replay(world: TestStore, facts: object, content: Buffer): Promise<void> {
  const record = {
    id: ID,
    facts: Buffer.from(JSON.stringify(facts)),
    at: { segment: 3, offset: 500, length: content.length },
    read: (from: number, to: number) => content.subarray(from, to),
  }
  return world.db.write((tx) => appendReplay(world.options)(tx, record))
}

async function factsFor(world: TestStore, more: Partial<AppendFacts>): Promise<AppendFacts> {
  const { mailbox } = await world.select()
  return { account: ACCOUNT, mailbox, name: 'INBOX', savedMs: 5000, messages: [], ...more }
}

test('the messages of one record come back as themselves', async (t) => {
  const world = await openTestStore(t)
  const texts = ['Subject: one\r\n\r\n', 'Subject: second\r\n\r\nx']
  const messages = texts.map((text, i) => ({
    length: text.length,
    flags: i === 0 ? ['\\Seen'] : [],
    internalDateMs: i,
  }))
  await replay(world, await factsFor(world, { messages }), Buffer.from(texts.join('')))
  const inbox = await world.select()
  assert.deepEqual([inbox.count, inbox.hasFlag(1, '\\Seen'), inbox.hasFlag(2, '\\Seen')], [2, true, false])
  assert.deepEqual(inbox.savedMsOf([1, 2]), [5000, 5000])
  for await (const [first, second] of inbox.messages([1, 2])) {
    assert.match(second?.envelope.toString() ?? '', /second/)
    assert.deepEqual(first?.at, { segment: 3, offset: 500, length: 16 })
    assert.deepEqual(second?.at, { segment: 3, offset: 516, length: 20 })
    assert.deepEqual(first?.recordId, ID)
    assert.deepEqual(second?.recordId, recordIdOf(ID, 1))
  }
})

test('one that replaces takes the place of the old one, and is there too where that is gone', async (t) => {
  const world = await openTestStore(t)
  const old = await world.deposit()
  const content = Buffer.from('Subject: new\r\n\r\n')
  const messages = [{ length: content.length, flags: [], internalDateMs: 1 }]
  const facts = await factsFor(world, { messages, replaces: { mailbox: old.mailboxId, uid: old.uid } })
  await replay(world, facts, content)
  assert.deepEqual([(await world.select()).count, (await world.select()).uidAt(1)], [1, old.uid + 1])
  await replay(world, facts, content)
  assert.equal(world.store.usage(ACCOUNT).messages, 2)
})

test('a record of before there could be several is read as it was', async (t) => {
  const world = await openTestStore(t)
  const content = Buffer.from('Subject: old\r\n\r\n')
  const { account, mailbox, name } = await factsFor(world, {})
  await replay(world, { account, mailbox, name, flags: ['\\Seen'], internalDateMs: 77_000 }, content)
  const inbox = await world.select()
  assert.deepEqual([inbox.count, inbox.internalDateMsAt(1), inbox.hasFlag(1, '\\Seen')], [1, 77_000, true])
})

test('what an import took in keeps its UID and its place in the ledger', async (t) => {
  const world = await openTestStore(t)
  const target = await world.store.openImport(ACCOUNT, { source: '/old/INBOX', mailbox: 'INBOX', uidValidity: 4711 })
  assert.ok(!('refused' in target))
  await world.db.write((tx) => afterPowerCut(tx))
  const content = Buffer.from('Subject: old\r\n\r\n')
  const imported = { source: target.id, known: 'a', uid: 7, uidl: 'u7' }
  const { mailbox } = await world.select(target.takes)
  const messages = [{ length: content.length, flags: [], internalDateMs: 1, imported }]
  await replay(world, { account: ACCOUNT, mailbox, name: target.takes, savedMs: 1, messages }, content)
  await world.store.finishImport(target.id)
  const inbox = await world.select()
  assert.deepEqual([inbox.uidValidity, inbox.uidAt(1), inbox.uidlsOf([1])[0]], [4711, 7, 'u7'])
  assert.deepEqual(world.store.importedFrom(target.id, ''), ['a'])
})
