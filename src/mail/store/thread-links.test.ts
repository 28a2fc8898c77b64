import assert from 'node:assert/strict'
import { test } from 'node:test'
import { headerFields } from '../../formats/message/mod.ts'
import { threadKeys } from './thread-keys.ts'
import { ACCOUNT, openTestStore } from './testing.ts'

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

test('what ties a conversation is forgotten with the last of its messages', async (t) => {
  const world = await openTestStore(t)
  const content = (id: string, more = ''): Buffer[] => [
    Buffer.from(`Message-ID: <${id}@x>\r\nSubject: s\r\n${more}\r\nx`),
  ]
  const options = { sizeOctets: 100, flags: ['\\Deleted'] }
  await world.store.append(ACCOUNT, 'INBOX', content('a'), options)
  await world.store.append(ACCOUNT, 'INBOX', content('b', 'References: <a@x>\r\n'), options)
  const links = (): unknown[] => world.db.read.sql('SELECT uses FROM thread_link ORDER BY uses').all().flat()
  assert.deepEqual(links(), [1, 2])
  const { StoreUpkeep } = await import('./mod.ts')
  const upkeep = new StoreUpkeep({ db: world.db, clock: world.clock, settings: world.options.settings })
  const selected = await world.select()
  await selected.expunge(new Set([1]))
  world.clock.advance(world.options.settings.expunged_message_lifetime + 1)
  await upkeep.run()
  assert.deepEqual(links(), [1, 1])
  await selected.expunge()
  world.clock.advance(world.options.settings.expunged_message_lifetime + 1)
  await upkeep.run()
  assert.deepEqual(links(), [])
})
