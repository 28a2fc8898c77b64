import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Selected } from './contract.ts'
import { ACCOUNT, openTestStore, type TestStore } from './testing.ts'
import { StoreUpkeep } from './upkeep.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

async function append(
  { store }: TestStore,
  text: string,
  mailbox = 'INBOX',
  flags: readonly string[] = [],
): Promise<void> {
  const octets = Buffer.from(text)
  const made = await store.append(ACCOUNT, mailbox, [octets], {
    sizeOctets: octets.length,
    flags,
    internalDateMs: 5000,
  })
  assert.ok('uid' in made)
}

/** UID, flags and text of each message. */
async function shown({ store }: TestStore, selected: Selected): Promise<string[]> {
  await selected.refresh({ expunges: true })
  const lines: string[] = []
  const seqs = Array.from({ length: selected.count }, (_, i) => i + 1)
  for await (const batch of selected.messages(seqs))
    for (const message of batch) {
      const seq = lines.length + 1
      const text = message === undefined ? 'gone' : store.read(message, 0, message.sizeOctets).toString()
      assert.equal(selected.internalDateMsAt(seq), 5000)
      lines.push(
        `${selected.uidAt(seq)} ${selected
          .flagsAt(seq)
          .filter((flag) => flag !== '\\Recent')
          .join(' ')} ${text}`,
      )
    }
  return lines
}

async function expunge(selected: Selected, seqs: readonly number[]): Promise<void> {
  await selected.storeFlags(seqs, 'add', ['\\Deleted'])
  await selected.expunge()
  await selected.refresh({ expunges: true })
}

function upkeepOf({ db, clock, options, store }: TestStore): StoreUpkeep {
  return new StoreUpkeep({ db, clock, settings: options.settings, read: store.read.bind(store) })
}

const one = ({ db }: TestStore, text: string): number => Number(db.read.sql(text).get()?.[0])

test('what was expunged comes back once, with new UIDs, its flags and its date', async (t) => {
  const world = await openTestStore(t)
  const { store, clock } = world
  for (const n of [1, 2, 3]) await append(world, `text ${n}`, 'INBOX', n === 2 ? ['\\Seen', 'Blue'] : [])
  const inbox = await world.select()
  await expunge(inbox, [1])
  clock.advance(DAY)
  await expunge(inbox, [1])
  assert.deepEqual(store.usage(ACCOUNT), { octets: 6, messages: 1 }, 'what is kept counts for no quota')
  const [all] = store.undeletable(ACCOUNT, 0)
  assert.deepEqual([all?.mailbox, all?.messages, all?.octets, all?.isDeleted], ['INBOX', 2, 12, false])
  const since = clock.now() - HOUR
  assert.equal(store.undeletable(ACCOUNT, since)[0]?.messages, 1)
  assert.deepEqual(await store.undelete(ACCOUNT, all?.id ?? 0, since), { mailbox: 'INBOX', messages: 1 })
  assert.deepEqual(await shown(world, inbox), ['3  text 3', '4 \\Seen Blue text 2'])
  assert.deepEqual(await store.undelete(ACCOUNT, all?.id ?? 0, 0), { mailbox: 'INBOX', messages: 1 })
  assert.deepEqual(await shown(world, inbox), ['3  text 3', '4 \\Seen Blue text 2', '5  text 1'])
  assert.deepEqual(await store.undelete(ACCOUNT, all?.id ?? 0, 0), { mailbox: 'INBOX', messages: 0 })
  assert.deepEqual(store.undeletable(ACCOUNT, 0), [])
  assert.deepEqual(store.usage(ACCOUNT), { octets: 18, messages: 3 })

  clock.advance(15 * DAY)
  await upkeepOf(world).run()
  assert.equal((await shown(world, inbox)).length, 3, 'upkeep lets go only what is gone')
  await expunge(inbox, [2])
  clock.advance(13 * DAY)
  await upkeepOf(world).run()
  assert.equal(store.undeletable(ACCOUNT, 0)[0]?.messages, 1)
  clock.advance(DAY)
  await upkeepOf(world).run()
  assert.deepEqual(store.undeletable(ACCOUNT, 0), [])
  assert.equal(one(world, 'SELECT sum(live_octets) FROM segment'), 12, 'the room is free')
})

test('a copy that is left keeps its place; only the expunged place comes back', async (t) => {
  const world = await openTestStore(t)
  await append(world, 'text')
  const inbox = await world.select()
  await inbox.copy([1], 'Archive')
  await expunge(inbox, [1])
  await inbox.copy([1], 'Archive')
  const [found] = world.store.undeletable(ACCOUNT, 0)
  await world.store.undelete(ACCOUNT, found?.id ?? 0, 0)
  assert.deepEqual(await shown(world, inbox), ['2  text'])
  assert.deepEqual(await shown(world, await world.select('Archive')), ['1  text'])
  world.clock.advance(15 * DAY)
  await upkeepOf(world).run()
  assert.deepEqual(await shown(world, inbox), ['2  text'])
})

test('a deleted mailbox comes back, what was expunged in it too, into one that has its name by now', async (t) => {
  const world = await openTestStore(t)
  const { store } = world
  await store.createMailbox(ACCOUNT, 'Work/Plans')
  for (let n = 0; n < 300; n++) await append(world, `plan ${n}`, 'Work/Plans', n === 7 ? ['Green', 'Blue'] : [])
  await expunge(await world.select('Work/Plans'), [1])
  const { uidValidity } = await world.select('Work/Plans')
  assert.equal(await store.deleteMailbox(ACCOUNT, 'Work/Plans'), undefined)
  assert.equal((await upkeepOf(world).run()).emptied, 0)
  assert.deepEqual(store.usage(ACCOUNT), { octets: 0, messages: 0 })
  await store.createMailbox(ACCOUNT, 'Work/Plans')
  await append(world, 'new', 'Work/Plans', ['Red'])
  const [found, ...more] = store.undeletable(ACCOUNT, 0)
  assert.deepEqual([found?.mailbox, found?.isDeleted, found?.messages, more], ['Work/Plans', true, 300, []])
  assert.deepEqual(await store.undelete(ACCOUNT, found?.id ?? 0, 0), { mailbox: 'Work/Plans', messages: 300 })
  const back = await world.select('Work/Plans')
  assert.ok(back.uidValidity > uidValidity)
  const lines = await shown(world, back)
  assert.deepEqual([lines.length, lines[0], lines[1], lines[7]], [301, '1 Red new', '2  plan 1', '8 Green Blue plan 7'])
  assert.equal(lines.at(-1), '301  plan 0')
  await upkeepOf(world).run()
  assert.equal(one(world, 'SELECT count(*) FROM message'), 301)

  await store.deleteMailbox(ACCOUNT, 'Work/Plans')
  world.clock.advance(14 * DAY)
  await upkeepOf(world).run()
  await upkeepOf(world).run()
  assert.equal(one(world, 'SELECT count(*) FROM message'), 0)
  assert.deepEqual(store.undeletable(ACCOUNT, 0), [])
})

test('nothing comes back beyond the quota, and nothing is lost by asking', async (t) => {
  const world = await openTestStore(t, { account_quota_limit: 10 })
  await append(world, '12345678')
  const inbox = await world.select()
  await expunge(inbox, [1])
  await append(world, '12345678')
  const [found] = world.store.undeletable(ACCOUNT, 0)
  const refused = await world.store.undelete(ACCOUNT, found?.id ?? 0, 0)
  assert.equal('refused' in refused && refused.refused, 'OVERQUOTA')
  assert.equal(world.store.undeletable(ACCOUNT, 0)[0]?.messages, 1)
})
