import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ACCOUNT, openTestStore, type TestStore } from './testing.ts'
import { StoreUpkeep } from './upkeep.ts'
import { ViewLostError } from './view.ts'

const NOW = { expunges: true }
const HOUR = 3_600_000
/** expunged_retention */
const RETENTION = 14 * 24 * HOUR

function upkeepOf({ db, clock, options, store }: TestStore): StoreUpkeep {
  return new StoreUpkeep({ db, clock, settings: options.settings, read: store.read.bind(store) })
}

const one = ({ db }: TestStore, text: string): unknown => db.read.sql(text).get()?.[0]
const messages = (world: TestStore): unknown => one(world, 'SELECT count(*) FROM message')
const live = (world: TestStore): unknown => one(world, 'SELECT sum(live_octets) FROM segment')

async function append({ store }: TestStore, octets: number, flags: readonly string[] = []): Promise<void> {
  const made = await store.append(ACCOUNT, 'INBOX', [Buffer.alloc(octets, 'x')], { sizeOctets: octets, flags })
  assert.ok('uid' in made)
}

test('content is released with the last place of a message, when it was kept long enough', async (t) => {
  const world = await openTestStore(t)
  await append(world, 1000, ['\\Deleted'])
  await append(world, 10)
  const inbox = await world.select()
  const archive = await world.select('Archive')
  await inbox.copy([1], 'Archive')
  await inbox.copy([1], 'Archive')
  assert.equal(live(world), 1010)
  await inbox.expunge()
  const upkeep = upkeepOf(world)
  assert.equal((await upkeep.run()).released, 0)
  world.clock.advance(RETENTION)
  assert.equal((await upkeep.run()).released, 1)
  assert.deepEqual([messages(world), live(world)], [2, 1010])
  await archive.refresh(NOW)
  for await (const [first, second] of archive.messages([1, 2])) assert.equal(first?.id, second?.id)
  await archive.move([1], 'Junk')
  await archive.expunge()
  await (await world.select('Junk')).storeFlags([1], 'add', ['\\Deleted'])
  await (await world.select('Junk')).expunge()
  world.clock.advance(RETENTION)
  await upkeep.run()
  assert.deepEqual([messages(world), live(world)], [1, 10])
})

test('what moved is not released where it was', async (t) => {
  const world = await openTestStore(t)
  await append(world, 100)
  const inbox = await world.select()
  await inbox.move([1], 'Archive')
  await (await world.select('Archive')).move([1], 'Archive')
  world.clock.advance(RETENTION)
  assert.equal((await upkeepOf(world).run()).released, 0)
  assert.deepEqual([messages(world), one(world, 'SELECT uid FROM message')], [1, 2])
})

test('a deleted mailbox is emptied and its row goes; a session that had it selected sees nothing in it', async (t) => {
  const world = await openTestStore(t, { view_memory_limit: 0 })
  for (let i = 0; i < 600; i++) await world.deposit('Junk', { flags: ['Tag'] })
  const junk = await world.select('Junk')
  await world.select()
  await world.store.deleteMailbox(ACCOUNT, 'Junk')
  assert.equal((await upkeepOf(world).run()).emptied, 0)
  world.clock.advance(RETENTION)
  assert.equal((await upkeepOf(world).run()).emptied, 600)
  assert.deepEqual([messages(world), one(world, 'SELECT count(*) FROM mailbox_keywords')], [0, 0])
  assert.equal(one(world, 'SELECT count(*) FROM mailbox WHERE name IS NULL'), 0)
  assert.equal(junk.count, 600)
  assert.deepEqual(junk.flagsAt(1), [])
  assert.deepEqual(await junk.storeFlags([1], 'add', ['\\Seen']), {
    modified: [],
    gone: [0], // its UIDs went too
    modSeq: junk.highestModSeq,
  })
  assert.equal((await junk.refresh({ expunges: false })).expunged.length, 0)
  assert.deepEqual([(await junk.refresh(NOW)).expunged.length, junk.count, junk.stale], [600, 0, false])
})

test('everything of a removed account goes', async (t) => {
  const world = await openTestStore(t)
  await append(world, 100)
  await world.deposit('Sent')
  await world.deposit('Junk')
  await world.store.deleteMailbox(ACCOUNT, 'Junk')
  await append(world, 100, ['\\Deleted'])
  await (await world.select()).expunge()
  await world.store.removeAccount(ACCOUNT)
  await upkeepOf(world).run()
  for (const table of ['message', 'mailbox', 'mailbox_page', 'subscription', 'placement'])
    assert.equal(one(world, `SELECT count(*) FROM ${table}`), 0, table)
  assert.equal(live(world), 0)
})

test('small neighbours are merged, and no session notices', async (t) => {
  const world = await openTestStore(t)
  for (let i = 0; i < 1024; i++) await world.deposit()
  const inbox = await world.select()
  const kept = [1, 2, 300, 301, 600, 1000]
  const out = Array.from({ length: 1024 }, (_, i) => i + 1).filter((seq) => !kept.includes(seq))
  await inbox.storeFlags(out, 'add', ['\\Deleted'])
  await inbox.expunge()
  await inbox.refresh(NOW)
  assert.equal(one(world, 'SELECT count(*) FROM mailbox_page'), 4)
  assert.equal((await upkeepOf(world).run()).merged, 3)
  assert.equal(one(world, 'SELECT count(*) FROM mailbox_page'), 1)
  await inbox.storeFlags([3, 6], 'add', ['\\Seen'])
  await world.deposit()
  await inbox.refresh(NOW)
  assert.deepEqual(
    Array.from({ length: 7 }, (_, i) => inbox.uidAt(i + 1)),
    [...kept, 1025],
  )
  assert.deepEqual(
    [inbox.hasFlag(3, '\\Seen'), inbox.hasFlag(4, '\\Seen'), inbox.hasFlag(6, '\\Seen')],
    [true, false, true],
  )
})

test('a session that was told nothing for longer than history is kept is lost', async (t) => {
  const world = await openTestStore(t, { view_memory_limit: 0 })
  for (let i = 0; i < 3; i++) await world.deposit('INBOX', { flags: ['\\Deleted'] })
  const asleep = await world.select()
  await (await world.select()).expunge()
  await world.deposit('Sent')
  await world.select('Sent')
  world.clock.advance(91 * 24 * HOUR)
  assert.deepEqual((await upkeepOf(world).run()).forgotten, 1)
  await assert.rejects(asleep.refresh(NOW), ViewLostError)
})
