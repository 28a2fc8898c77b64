import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nextModSeq } from './account-state.ts'
import type { Deposited } from './contract.ts'
import { ACCOUNT, NO_FACTS, openTestStore, type TestStore } from './testing.ts'

const deposit = (
  { store }: TestStore,
  tx: Parameters<TestStore['store']['deposit']>[0],
  mailbox: string,
  octets: number,
): Deposited => {
  const made = store.deposit(tx, {
    account: ACCOUNT,
    mailbox,
    recordId: Buffer.alloc(16),
    at: { segment: 0, offset: 0, length: octets },
    prefix: Buffer.alloc(0),
    facts: NO_FACTS,
    flags: [],
    internalDateMs: 0,
    create: true,
  })
  return made ?? assert.fail('not deposited')
}

test('deposits of one transaction, and changes between them, never give a UID or a MODSEQ twice', async (t) => {
  const here = await openTestStore(t)
  const { store, db, select } = here
  const [made, between] = await db.write((tx) => {
    const list = [deposit(here, tx, 'INBOX', 10), deposit(here, tx, 'INBOX', 20), deposit(here, tx, 'Sent', 30)]
    const other = nextModSeq(tx, ACCOUNT) // as any change of the store begins
    list.push(deposit(here, tx, 'New/Box', 40), deposit(here, tx, 'INBOX', 50))
    return [list, other] as const
  })
  assert.deepEqual(
    made.map(({ uid }) => uid),
    [1, 2, 1, 1, 3],
  )
  const modSeqs = [...made.map(({ modSeq }) => modSeq), BigInt(between)]
  assert.equal(new Set(modSeqs).size, modSeqs.length)
  assert.ok((made[3]?.modSeq ?? 0n) > BigInt(between))
  assert.deepEqual(store.usage(ACCOUNT), { octets: 150, messages: 5 })
  for (const [name, messages, octets] of [
    ['INBOX', 3, 80],
    ['Sent', 1, 30],
    ['New/Box', 1, 40],
  ] as const) {
    const status = store.status(ACCOUNT, name) ?? assert.fail()
    assert.deepEqual([status.messages, status.sizeOctets], [messages, octets], name)
    assert.equal((await select(name)).count, messages)
  }
})

test('a transaction that is rolled back leaves nothing of its deposits', async (t) => {
  const here = await openTestStore(t)
  const before = here.store.status(ACCOUNT, 'INBOX')
  await assert.rejects(
    here.db.write((tx) => {
      deposit(here, tx, 'INBOX', 10)
      throw new Error('no')
    }),
    /no/,
  )
  assert.deepEqual(here.store.status(ACCOUNT, 'INBOX'), before)
  assert.equal((await here.deposit()).uid, 1)
})

test('three hundred messages at once fill a page and begin the next', async (t) => {
  const here = await openTestStore(t)
  await here.db.write((tx) => {
    for (let i = 0; i < 300; i++) deposit(here, tx, 'INBOX', 1)
  })
  await here.deposit()
  const inbox = await here.select()
  assert.equal(inbox.count, 301)
  assert.equal(inbox.uidAt(257), 257)
})
