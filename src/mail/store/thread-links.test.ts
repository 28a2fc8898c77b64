import assert from 'node:assert/strict'
import { test } from 'node:test'
import { headerFields } from '../../formats/message/mod.ts'
import { threadKeys } from './thread-keys.ts'
import { ACCOUNT, openTestStore, type TestStore } from './testing.ts'
import { StoreUpkeep } from './upkeep.ts'

const keys = (...lines: string[]): number[] => threadKeys(headerFields(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`)))

test('keys of a conversation: its own first, then its ancestors from the nearest; answers under the same subject', () => {
  const own = keys('Message-ID: <a@x>', 'Subject: Plan')
  assert.equal(own.length, 1)
  for (const subject of ['Re: Plan', 'AW: Plan', 'SV: Re: plan', '回复:Plan', 'Fwd: [x] Plan'])
    assert.deepEqual(keys('Message-ID: <b@x>', `Subject: ${subject}`, 'In-Reply-To: <a@x>').slice(1), own, subject)
  assert.notDeepEqual(keys('In-Reply-To: <a@x>', 'Subject: Other'), own)
  assert.deepEqual(keys('References: <z@x> <a@x>', 'Subject: Plan')[0], own[0])
  assert.deepEqual(keys('Subject: nothing'), [])
  assert.equal(keys(`References: ${Array.from({ length: 5000 }, (_, i) => `<${i}@x>`).join(' ')}`).length, 32)
})

const options = { sizeOctets: 100, flags: ['\\Deleted'] }

const content = (id: string, more = ''): Buffer[] => [
  Buffer.from(`Message-ID: <${id}@x>\r\nSubject: s\r\n${more}\r\nx`),
]

/** How often each link is used. */
const links = (world: TestStore): unknown[] =>
  world.db.read.sql('SELECT uses FROM thread_link ORDER BY uses').all().flat()

/** Removes messages of INBOX for good. */
async function remove(world: TestStore, uids?: ReadonlySet<number>): Promise<void> {
  const selected = await world.select()
  await selected.expunge(uids)
  selected.close()
  world.clock.advance(world.options.settings.expunged_retention + 1)
  const { db, clock, options, store } = world
  await new StoreUpkeep({ db, clock, settings: options.settings, read: store.read.bind(store) }).run()
}

test('what ties a conversation is forgotten with the last of its messages', async (t) => {
  const world = await openTestStore(t)
  await world.store.append(ACCOUNT, 'INBOX', content('a'), options)
  await world.store.append(ACCOUNT, 'INBOX', content('b', 'References: <a@x>\r\n'), options)
  assert.deepEqual(links(world), [1, 2])
  await remove(world, new Set([1]))
  assert.deepEqual(links(world), [1, 1])
  await remove(world)
  assert.deepEqual(links(world), [])
})

test('a message whose listed fields are too long to be kept lets go of its links too', async (t) => {
  const world = await openTestStore(t)
  const to = `To: ${Array.from({ length: 1000 }, (_, i) => `somebody${i}@mail.example`).join(',\r\n ')}\r\n`
  const [message] = content('a', to)
  await world.store.append(ACCOUNT, 'INBOX', [message!], { ...options, sizeOctets: message!.length })
  assert.deepEqual(links(world), [1])
  await remove(world)
  assert.deepEqual(links(world), [])
})

test('a message of before there were links takes none away from those that came since', async (t) => {
  const world = await openTestStore(t)
  await world.store.append(ACCOUNT, 'INBOX', content('a'), options)
  await world.db.write((tx) => {
    tx.sql('DELETE FROM thread_link').run()
    tx.sql('UPDATE message SET linked = NULL').run()
  })
  await world.store.append(ACCOUNT, 'INBOX', content('b', 'References: <a@x>\r\n'), options)
  await remove(world, new Set([1]))
  assert.deepEqual(links(world), [1, 1])
})
