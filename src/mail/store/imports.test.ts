import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ACCOUNT, openTestStore, type TestStore } from './testing.ts'
import type { Imported, ImportTarget } from './contract.ts'

async function opened({ store }: TestStore, mailbox: string, uidValidity?: number): Promise<ImportTarget> {
  const target = await store.openImport(ACCOUNT, { source: `/old/${mailbox}`, mailbox, uidValidity })
  assert.ok(!('refused' in target))
  return target
}

async function add({ store }: TestStore, target: ImportTarget, ...all: Omit<Imported, 'source'>[]): Promise<number[]> {
  const appending = store.beginAppend(ACCOUNT, target.takes)
  assert.ok(!('refused' in appending))
  for (const one of all) {
    const content = Buffer.from(`Subject: ${one.known}\r\n\r\n`)
    const imported = { ...one, source: target.id }
    await appending.take([content], { sizeOctets: content.length, flags: [], imported })
  }
  const made = await appending.commit()
  appending.discard()
  return 'refused' in made ? [] : made.map(({ uid }) => uid)
}

test('an empty mailbox takes the folder’s UIDVALIDITY and UIDs; mail that came meanwhile comes behind', async (t) => {
  const world = await openTestStore(t)
  const { store } = world
  const changes: string[] = []
  const watch = store.watchMailboxes(ACCOUNT, undefined, (news) =>
    changes.push(...news.changes.map(({ after, before: old }) => (after ?? old)?.name ?? '')),
  )
  const target = await opened(world, 'INBOX', 4711)
  watch.look()
  assert.deepEqual(changes, [])
  watch.stop()
  const before = await world.select()
  assert.deepEqual(await add(world, target, { known: 'a', uid: 5, uidl: 'old5' }, { known: 'b', uid: 9 }), [5, 9])
  const { uid } = await world.deposit()
  assert.equal(uid, 1)
  assert.equal(store.status(ACCOUNT, 'INBOX')?.messages, 1)
  assert.ok(!store.mailboxes(ACCOUNT).some(({ name }) => name.includes('import')))
  assert.equal(await store.finishImport(target.id, 12), undefined)
  const status = store.status(ACCOUNT, 'INBOX')
  assert.deepEqual([status?.uidValidity, status?.uidNext, status?.messages], [4711, 12, 3])
  const now = await world.select()
  await now.refresh({ expunges: true })
  assert.deepEqual(
    [1, 2, 3].map((seq) => now.uidAt(seq)),
    [5, 9, 10],
  )
  assert.equal(now.uidlsOf([1])[0], 'old5')
  assert.match(now.uidlsOf([2])[0] ?? '', /^[0-9a-f]{32}$/)
  await before.refresh({ expunges: true })
  assert.equal(before.count, 0)
  assert.equal(store.usage(ACCOUNT).messages, 3)
})

test('a mailbox keeps its special use, and one below a missing name gets that too', async (t) => {
  const world = await openTestStore(t)
  for (const name of ['Sent', 'Work/2024'])
    assert.equal(await world.store.finishImport((await opened(world, name)).id), undefined)
  const found = new Map(world.store.mailboxes(ACCOUNT).map((one) => [one.name, one]))
  assert.equal(found.get('Sent')?.specialUse, '\\Sent')
  assert.equal(found.get('Work')?.hasChildren, true)
  assert.equal(found.get('Work/2024')?.selectable, true)
})

test('a mailbox with messages gets more; UIDs that it has given go to nobody else', async (t) => {
  const world = await openTestStore(t)
  for (let n = 0; n < 3; n++) await world.deposit()
  const target = await opened(world, 'INBOX', 4711)
  assert.deepEqual(await add(world, target, { known: 'a', uid: 2 }, { known: 'b', uid: 9 }), [4, 9])
  assert.notEqual(target.uidValidity, 4711)
  assert.deepEqual(await add(world, target, { known: 'c', uid: 4_294_967_295 }), [10])
})

test('what is in is known, also to another import at the same time, and begins anew once its mailbox is gone', async (t) => {
  const world = await openTestStore(t)
  const target = await opened(world, 'Old')
  await add(world, target, { known: 'a' }, { known: 'b' })
  assert.deepEqual(world.store.importedFrom(target.id, ''), ['a', 'b'])
  assert.deepEqual(await add(world, target, { known: 'c' }, { known: 'b' }), [])
  await world.store.finishImport(target.id)
  const again = await opened(world, 'Old')
  assert.deepEqual([again.id, again.known, again.takes], [target.id, 2, 'Old'])
  const content = await world.store.importedContent(target.id)
  assert.equal(content.messages, 2)
  await world.store.renameMailbox(ACCOUNT, 'Old', 'Older')
  assert.equal((await opened(world, 'Old')).mailbox, 'Older')
  await world.store.deleteMailbox(ACCOUNT, 'Older')
  const fresh = await opened(world, 'Old')
  assert.notEqual(fresh.id, target.id)
  assert.equal(fresh.known, 0)
})

test('UIDVALIDITY of mailboxes made later is higher than an imported one', async (t) => {
  const world = await openTestStore(t)
  const target = await opened(world, 'Old', 3_999_999_999)
  await world.store.finishImport(target.id)
  await world.store.deleteMailbox(ACCOUNT, 'Old')
  await world.store.createMailbox(ACCOUNT, 'Old')
  assert.equal(world.store.status(ACCOUNT, 'Old')?.uidValidity, 4_000_000_000)
})
