/** What a stop or a power cut leaves, and what the next start makes of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Db } from '../../io/db/mod.ts'
import { afterPowerCut, MODSEQ_MARGIN, UID_MARGIN } from './account-state.ts'
import { appendReplay, createStore, undoUnfinishedCopies } from './store.ts'
import type { Deposited, Replaced, Selected, Store } from './contract.ts'
import { ACCOUNT, openTestStore, slowClock, type TestStore } from './testing.ts'

/** Somebody who reads ACCOUNT's mailboxes. */
const READER = 8
const MANY = 3000
const ALL = Array.from({ length: MANY }, (_, i) => i + 1)

async function fill(world: TestStore): Promise<void> {
  for (let i = 0; i < MANY; i++) await world.deposit('INBOX', { flags: i % 3 === 0 ? ['\\Seen', 'Work'] : [] })
}

/** The database until its `n`th write; then as if the process had ended. */
function stopped(db: Db, n: number): Db {
  let writes = 0
  return new Proxy(db, {
    get(target, name) {
      if (name === 'write')
        return (work: Parameters<Db['write']>[0]) =>
          ++writes > n ? Promise.reject(new Error('stopped')) : target.write(work)
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

test('after a power cut no UID and no MODSEQ is given twice, and changes are told in full', async (t) => {
  const world = await openTestStore(t)
  const before = await world.deposit()
  await world.db.write((tx) => afterPowerCut(tx))
  const after = await world.deposit()
  assert.equal(after.uid, before.uid + UID_MARGIN + 1)
  assert.ok(after.modSeq > before.modSeq + BigInt(MODSEQ_MARGIN))
  const selected = await world.select()
  assert.ok(selected.resyncFloor > before.modSeq && selected.resyncFloor < after.modSeq)
  assert.ok((world.store.status(ACCOUNT, 'Sent')?.highestModSeq ?? 0n) >= selected.resyncFloor)
})

test('large commands go in slices, and come to the same', async (t) => {
  const world = await openTestStore(t, {}, slowClock())
  await fill(world)
  const inbox = await world.select()
  const { modSeq } = await inbox.storeFlags(ALL, 'add', ['\\Flagged', 'Big'])
  assert.ok(modSeq > inbox.highestModSeq + 1n, 'more than one slice')
  assert.deepEqual((await inbox.refresh({ expunges: true })).changed, [])
  assert.equal(
    ALL.every((seq) => inbox.hasFlag(seq, 'big') && inbox.hasFlag(seq, '\\Flagged')),
    true,
  )
  const copied = await inbox.copy(ALL, 'Archive')
  assert.deepEqual(
    'uids' in copied && copied.uids,
    ALL.map((n) => [n, n]),
  )
  const moved = await inbox.move(ALL.slice(1000), 'Junk')
  assert.equal('uids' in moved && moved.uids.length, MANY - 1000)
  assert.equal((await inbox.refresh({ expunges: true })).expunged.length, MANY - 1000)
  const archive = await world.select('Archive')
  await archive.storeFlags(ALL, 'replace', ['\\Deleted'])
  await archive.expunge()
  assert.deepEqual(
    ['INBOX', 'Archive', 'Junk'].map((name) => world.store.status(ACCOUNT, name)?.messages),
    [1000, 0, MANY - 1000],
  )
  assert.deepEqual(world.store.usage(ACCOUNT), { messages: MANY, octets: MANY * 100 })
})

test('a COPY that fails or is stopped between its slices is taken back', async (t) => {
  const world = await openTestStore(t, {}, slowClock())
  await fill(world)
  const db = stopped(world.db, 2)
  const selected = await createStore({ ...world.options, db }).select(ACCOUNT, 'INBOX', { readOnly: true })
  assert.ok('copy' in selected)
  await assert.rejects(selected.copy(ALL, 'Archive'), /stopped/)
  const half = world.store.status(ACCOUNT, 'Archive')?.messages ?? 0
  assert.ok(half > 0 && half < MANY)
  assert.equal(await undoUnfinishedCopies(world.options), 1)
  assert.equal(world.store.status(ACCOUNT, 'Archive')?.messages, 0)
  assert.deepEqual(world.store.usage(ACCOUNT), { messages: MANY, octets: MANY * 100 })
  assert.equal(await undoUnfinishedCopies(world.options), 0)
  const again = await (await world.select()).copy(ALL, 'Archive')
  assert.equal('uids' in again && (again.uids[0]?.[1] ?? 0) > half, true)
})

test('a COPY into another account that is stopped is taken back there, and has the \\Seen of who copies', async (t) => {
  const world = await openTestStore(t, {}, slowClock())
  await fill(world)
  await world.store.provision(READER)
  const target = { account: READER, name: 'Archive', rights: 'lrswipkxtea' }
  const open = async (store: Store): Promise<Selected> => {
    const selected = await store.select(ACCOUNT, 'INBOX', { readOnly: false, who: READER })
    assert.ok('copy' in selected)
    return selected
  }
  const selected = await open(world.store)
  await selected.storeFlags([1, 2, 3], 'add', ['\\Seen'])
  const stopping = await open(createStore({ ...world.options, db: stopped(world.db, 2) }))
  await assert.rejects(stopping.copy(ALL, target), /stopped/)
  assert.equal(await undoUnfinishedCopies(world.options), 1)
  assert.deepEqual(world.store.usage(READER), { messages: 0, octets: 0 })
  assert.deepEqual(world.store.usage(ACCOUNT), { messages: MANY, octets: MANY * 100 })
  assert.ok('uids' in (await selected.copy(ALL, target)))
  assert.equal(world.store.status(READER, 'Archive')?.unseen, MANY - 3)
  assert.deepEqual(world.store.usage(READER), { messages: MANY, octets: MANY * 100 })
})

test('a MOVE that is stopped has moved some messages and lost none', async (t) => {
  const world = await openTestStore(t, {}, slowClock())
  await fill(world)
  const db = stopped(world.db, 3)
  const selected = await createStore({ ...world.options, db }).select(ACCOUNT, 'INBOX', { readOnly: true })
  assert.ok('move' in selected)
  await assert.rejects(selected.move(ALL, 'Archive'), /stopped/)
  const [inbox = 0, archive = 0] = ['INBOX', 'Archive'].map((name) => world.store.status(ACCOUNT, name)?.messages)
  assert.ok(archive > 0 && inbox > 0)
  assert.equal(inbox + archive, MANY)
})

type Record = Parameters<ReturnType<typeof appendReplay>>[1]

/** The store, and the records that its log gets, as it would hand them to replay. */
function recorded(world: TestStore): { store: Store; records: Record[] } {
  const records: Record[] = []
  const log = new Proxy(world.log, {
    get(target, name) {
      if (name === 'commit')
        return (...[kind, draft, facts, consequence]: Parameters<typeof world.log.commit>) => {
          const content = Buffer.from(draft.read(0, draft.size))
          const at = { segment: 9, offset: 0, length: draft.size }
          records.push({ id: draft.id, facts, at, read: (from, to) => content.subarray(from, to) })
          return target.commit(kind, draft, facts, consequence)
        }
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  return { store: createStore({ ...world.options, log }), records }
}

async function recordOf(world: TestStore, mailbox: string): Promise<Record> {
  const content = Buffer.from('Subject: kept\r\n\r\nbody\r\n')
  const { store, records } = recorded(world)
  const options = { sizeOctets: content.length, flags: ['\\Seen', 'Label'], internalDateMs: 12_345_000 }
  assert.ok('uid' in (await store.append(ACCOUNT, mailbox, [content], options)))
  return records[0]!
}

test('an APPEND whose transaction was lost is repeated with all it was', async (t) => {
  const world = await openTestStore(t)
  const record = await recordOf(world, 'Sent')
  const lost = await openTestStore(t)
  await lost.db.write((tx) => appendReplay(lost.options)(tx, record))
  const sent = await lost.select('Sent')
  assert.deepEqual([sent.count, sent.internalDateMsAt(1), sent.sizeAt(1)], [1, 12_345_000, record.at.length])
  assert.deepEqual(sent.flagsAt(1), ['\\Seen', '\\Recent', 'Label'])
  for await (const [message] of sent.messages([1])) {
    assert.match(message?.envelope.toString() ?? '', /kept/)
    assert.deepEqual(message?.recordId, record.id)
  }
})

test('an APPEND of a reader comes back with the \\Seen of that reader alone', async (t) => {
  const world = await openTestStore(t)
  const { store, records } = recorded(world)
  const appending = store.beginAppend(ACCOUNT, 'INBOX', { who: READER })
  assert.ok('take' in appending)
  await appending.take([Buffer.from('Subject: x\r\n\r\n')], { sizeOctets: 14, flags: ['\\Seen', '\\Flagged'] })
  await appending.commit()
  appending.discard()
  const lost = await openTestStore(t)
  await lost.db.write((tx) => appendReplay(lost.options)(tx, records[0]!))
  for (const { store: one } of [world, lost]) {
    assert.equal(one.status(ACCOUNT, 'INBOX', READER)?.unseen, 0)
    assert.equal(one.status(ACCOUNT, 'INBOX')?.unseen, 1)
  }
})

test('an APPEND to a mailbox deleted since has no effect; to one whose CREATE was lost, it makes it', async (t) => {
  const world = await openTestStore(t)
  await world.store.createMailbox(ACCOUNT, 'New')
  const record = await recordOf(world, 'New')
  await world.store.deleteMailbox(ACCOUNT, 'New')
  await world.db.write((tx) => appendReplay(world.options)(tx, record))
  assert.deepEqual(world.store.usage(ACCOUNT), { messages: 0, octets: 0 })
  const lost = await openTestStore(t)
  await lost.db.write((tx) => appendReplay(lost.options)(tx, record))
  assert.equal(lost.store.status(ACCOUNT, 'New')?.messages, 1)
})

test('a REPLACE comes back after a power cut, also where the message it replaced got a new UID', async (t) => {
  const world = await openTestStore(t)
  const { store, records } = recorded(world)
  const put = async (subject: string, replaces?: Deposited): Promise<Deposited> => {
    const content = Buffer.from(`Subject: ${subject}\r\n\r\n`)
    const old: Replaced | undefined = replaces && { mailbox: replaces.mailboxId, uid: replaces.uid, sizeOctets: 1 }
    const appending = store.beginAppend(ACCOUNT, 'Drafts', old && { replaces: old })
    assert.ok('take' in appending)
    await appending.take([content], { sizeOctets: content.length, flags: [] })
    const [made] = (await appending.commit()) as readonly Deposited[]
    appending.discard()
    return made!
  }
  let newest = await put('v1')
  await put('other')
  for (const subject of ['v2', 'v3']) newest = await put(subject, newest)
  for (let durable = 0; durable < records.length; durable++) {
    const cut = await openTestStore(t)
    const replay = async (some: readonly Record[]): Promise<void> => {
      for (const record of some) await cut.db.write((tx) => appendReplay(cut.options)(tx, record))
    }
    await replay(records.slice(0, durable)) // with the same UIDs as before
    await cut.db.write((tx) => afterPowerCut(tx))
    await replay(records.slice(durable))
    const drafts = await cut.select('Drafts')
    const found: string[] = []
    for await (const messages of drafts.messages(Array.from({ length: drafts.count }, (_, i) => i + 1)))
      for (const message of messages) found.push(/"(v\d|other)"/.exec(message?.envelope.toString() ?? '')?.[1] ?? '')
    assert.deepEqual(found, ['other', 'v3'], `${durable} were durable`)
  }
})
