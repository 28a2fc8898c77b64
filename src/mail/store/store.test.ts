import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ACCOUNT, openTestStore, testStores } from './testing.ts'

const NOW = { expunges: true }
const LATER = { expunges: false }

test('a new account has INBOX and the special-use mailboxes, subscribed', async (t) => {
  const { store } = await openTestStore(t)
  await store.provision(ACCOUNT)
  assert.deepEqual(
    store.mailboxes(ACCOUNT).map(({ name, specialUse, subscribed }) => [name, specialUse, subscribed]),
    [
      ['Archive', '\\Archive', true],
      ['Drafts', '\\Drafts', true],
      ['INBOX', undefined, true],
      ['Junk', '\\Junk', true],
      ['Sent', '\\Sent', true],
      ['Trash', '\\Trash', true],
    ],
  )
  const validities = store.mailboxes(ACCOUNT).map(({ name }) => store.status(ACCOUNT, name)?.uidValidity)
  assert.equal(new Set(validities).size, 6)
})

test('a deposit gives the next UID and a higher MODSEQ, and counts', async (t) => {
  const { store, deposit } = await openTestStore(t)
  const first = await deposit()
  const second = await deposit('inbox', { flags: ['\\Seen', '\\Deleted'], octets: 50 })
  assert.equal(second.uid, first.uid + 1)
  assert.ok(second.modSeq > first.modSeq)
  const { messages, unseen, deleted, recent, sizeOctets, uidNext } = store.status(ACCOUNT, 'INBOX') ?? assert.fail()
  assert.deepEqual(
    { messages, unseen, deleted, recent, sizeOctets, uidNext },
    {
      messages: 2,
      unseen: 1,
      deleted: 1,
      recent: 2,
      sizeOctets: 150,
      uidNext: 3,
    },
  )
  assert.deepEqual(store.usage(ACCOUNT), { octets: 150, messages: 2 })
})

test('mail for a mailbox that is gone goes to INBOX, mail for an account that is gone nowhere', async (t) => {
  const { store, db, deposit } = await openTestStore(t)
  const made = await deposit('Nowhere')
  assert.equal(made.mailboxId, store.status(ACCOUNT, 'INBOX')?.id)
  await store.removeAccount(ACCOUNT)
  await assert.rejects(deposit(), /not deposited/)
  // A session may outlive its account.
  assert.ok('refused' in (await store.createMailbox(ACCOUNT, 'Late')))
  assert.equal(db.read.sql('SELECT count(*) FROM mailbox WHERE name IS NOT NULL').get()?.[0], 0)
})

test('APPEND is durable, read back to the octet, and refused where it cannot be', async (t) => {
  const { store, select } = await openTestStore(t, { account_quota_limit: 100 })
  const text = Buffer.from('Subject: hello\r\n\r\nbody\r\n')
  const chunks = [text.subarray(0, 5), text.subarray(5)]
  const made = await store.append(ACCOUNT, 'Sent', chunks, { sizeOctets: text.length, flags: ['\\Seen', '$MDNSent'] })
  assert.ok('uid' in made)
  const selected = await select('Sent')
  assert.deepEqual(selected.flagsAt(1), ['\\Seen', '\\Recent', '$MDNSent'])
  assert.deepEqual(selected.keywords, ['$MDNSent'])
  for await (const [message] of selected.messages([1])) {
    assert.ok(message)
    assert.deepEqual(store.read(message, 0, message.sizeOctets), text)
    assert.deepEqual(store.read(message, 9, 12), text.subarray(9, 12))
  }
  const big = await store.append(ACCOUNT, 'Sent', [], { sizeOctets: 1000, flags: [] })
  assert.equal('refused' in big && big.refused, 'OVERQUOTA')
  const missing = await store.append(ACCOUNT, 'Nowhere', [], { sizeOctets: 1, flags: [] })
  assert.equal('refused' in missing && missing.refused, 'TRYCREATE')
})

test('a session sees new mail, the flags that others set, and expunges when it may', async (t) => {
  const { deposit, select } = await openTestStore(t)
  for (let i = 0; i < 4; i++) await deposit()
  const one = await select()
  const two = await select()
  assert.equal(one.count, 4)
  assert.equal(one.stale, false)
  await two.storeFlags([2, 3], 'add', ['\\Deleted', 'Work'])
  assert.deepEqual(two.flagsAt(2), ['\\Deleted', 'Work'])
  assert.deepEqual((await two.refresh(NOW)).changed, [])
  assert.equal(one.stale, true)
  assert.deepEqual((await one.refresh(LATER)).changed, [2, 3])
  await two.expunge()
  await deposit()
  const held = await one.refresh(LATER)
  assert.deepEqual([held.expunged, held.exists, one.count], [[], 5, 5])
  assert.equal(one.uidAt(4), 4)
  assert.equal(one.stale, true)
  const told = await one.refresh(NOW)
  assert.deepEqual([told.expunged, told.expungedUids, told.exists, one.count], [[2, 2], [2, 3], undefined, 3])
  assert.deepEqual([one.uidAt(2), one.uidAt(3), one.seqOf(4), one.seqOf(3), one.lowerBound(2)], [4, 5, 2, 0, 2])
  assert.equal(one.stale, false)
})

test('what one silently sets is not told back, what another set before is', async (t) => {
  const { deposit, select } = await openTestStore(t)
  await deposit()
  await deposit()
  const one = await select()
  const two = await select()
  await two.storeFlags([1], 'add', ['\\Flagged'])
  await one.storeFlags([1, 2], 'add', ['\\Seen'], { silent: true })
  assert.deepEqual([one.knowsFlagsAt(1), one.knowsFlagsAt(2)], [false, true])
  assert.deepEqual((await one.refresh(NOW)).changed, [1])
  assert.deepEqual([...one.flagsAt(1)].sort(), ['\\Flagged', '\\Recent', '\\Seen'])
  assert.equal(one.knowsFlagsAt(1), true)
  await two.storeFlags([2], 'add', ['\\Flagged'])
  await one.storeFlags([2], 'add', ['\\Seen'], { silent: true }) // it has that already
  assert.equal(one.knowsFlagsAt(2), false)
})

test('UNCHANGEDSINCE leaves alone what changed since', async (t) => {
  const { deposit, select } = await openTestStore(t)
  await deposit()
  await deposit()
  const one = await select()
  const since = one.highestModSeq
  await one.storeFlags([2], 'add', ['\\Flagged'])
  const { modified } = await one.storeFlags([1, 2], 'replace', ['\\Seen'], { unchangedSince: since })
  assert.deepEqual(modified, [2])
  assert.deepEqual([one.hasFlag(1, '\\seen'), one.hasFlag(2, '\\Seen')], [true, false])
})

test('messages are recent to one session only', async (t) => {
  const { store, deposit, select } = await openTestStore(t)
  await deposit()
  const looker = await select('INBOX', true)
  const one = await select()
  const two = await select()
  assert.deepEqual([looker.recent, one.recent, two.recent], [1, 1, 0])
  assert.equal(store.status(ACCOUNT, 'INBOX')?.recent, 0)
  await deposit()
  assert.equal((await two.refresh(NOW)).recent, 1)
  assert.equal((await one.refresh(NOW)).recent, 1)
  assert.equal(two.flagsAt(2).includes('\\Recent'), true)
  assert.equal(one.flagsAt(2).includes('\\Recent'), false)
})

test('a session on another thread is woken and sees what is new', async (t) => {
  const [here, there] = await testStores(t, 2)
  assert.ok(here && there)
  const selected = await there.select()
  const woken = new Promise<void>((resolve) => {
    const stop = selected.onChange(() => {
      stop()
      resolve()
    })
  })
  await here.deposit()
  await woken
  assert.equal((await selected.refresh(NOW)).exists, 1)
})

test('COPY shares the message, MOVE takes it along, both keep flags and dates', async (t) => {
  const { store, db, deposit, select } = await openTestStore(t)
  await deposit('INBOX', { flags: ['\\Flagged', 'Work'], dateMs: 1234 })
  await deposit()
  const inbox = await select()
  const copied = await inbox.copy([1, 2], 'Archive')
  assert.deepEqual('uids' in copied && copied.uids, [
    [1, 1],
    [2, 2],
  ])
  const moved = await inbox.move([1], 'Archive')
  assert.deepEqual('uids' in moved && moved.uids, [[1, 3]])
  assert.deepEqual((await inbox.refresh(NOW)).expunged, [1])
  const archive = await select('Archive')
  assert.deepEqual([archive.count, archive.messageIdAt(1), archive.messageIdAt(3)], [3, 1, 1])
  assert.deepEqual(archive.flagsAt(3), ['\\Flagged', '\\Recent', 'Work'])
  assert.equal(archive.internalDateMsAt(3), 1234)
  assert.equal(db.read.sql('SELECT count(*) FROM message').get()?.[0], 2)
  assert.deepEqual(store.usage(ACCOUNT), { octets: 400, messages: 4 })
  const nowhere = await inbox.copy([1], 'Nowhere')
  assert.equal('refused' in nowhere && nowhere.refused, 'TRYCREATE')
})

test('RENAME INBOX moves its messages away', async (t) => {
  const { store, deposit, select } = await openTestStore(t)
  for (let i = 0; i < 3; i++) await deposit()
  const inbox = await select()
  assert.equal(await store.renameMailbox(ACCOUNT, 'inbox', 'Old/2025'), undefined)
  assert.deepEqual((await inbox.refresh(NOW)).expunged, [1, 1, 1])
  assert.equal(store.status(ACCOUNT, 'Old/2025')?.messages, 3)
  assert.deepEqual(store.usage(ACCOUNT), { octets: 300, messages: 3 })
})

test('a deleted mailbox is emptied under the eyes of its sessions', async (t) => {
  const { store, deposit, select } = await openTestStore(t)
  await deposit('Junk')
  await deposit('Junk')
  const junk = await select('Junk')
  assert.equal(await store.deleteMailbox(ACCOUNT, 'Junk'), undefined)
  assert.deepEqual((await junk.refresh(NOW)).expunged, [1, 1])
  assert.deepEqual(store.usage(ACCOUNT), { octets: 0, messages: 0 })
  assert.equal(store.subscriptions(ACCOUNT).includes('Junk'), true)
})

test('names: what may be created, deleted and renamed', async (t) => {
  const { store } = await openTestStore(t, { account_mailbox_limit: 10, mailbox_depth_limit: 4 })
  const said = async (answer: Promise<object | undefined>): Promise<string> => {
    const value = await answer
    return value !== undefined && 'refused' in value ? String(value.refused) : 'ok'
  }
  const names = (): string[] =>
    store
      .mailboxes(ACCOUNT)
      .map(({ name }) => name)
      .filter((name) => name.startsWith('a'))
  for (const [name, answer] of [
    ['a/b/c', 'ok'],
    ['a/b', 'ALREADYEXISTS'],
    ['inbox', 'ALREADYEXISTS'],
    ['ad/', 'ok'],
    ['a//b', 'CANNOT'],
    ['', 'CANNOT'],
    ['a\u0007', 'CANNOT'],
    ['a\ud800', 'CANNOT'],
    ['1/2/3/4/5', 'LIMIT'],
    ['x'.repeat(1001), 'LIMIT'],
    ['1/2/3/4', 'LIMIT'],
  ] as const)
    assert.equal(await said(store.createMailbox(ACCOUNT, name)), answer, name)
  assert.equal(await said(store.deleteMailbox(ACCOUNT, 'a/b')), 'ok')
  assert.equal(store.mailboxes(ACCOUNT).find(({ name }) => name === 'a/b')?.selectable, false)
  assert.equal(await said(store.deleteMailbox(ACCOUNT, 'a/b')), 'HASCHILDREN')
  assert.equal(await said(store.deleteMailbox(ACCOUNT, 'INBOX')), 'CANNOT')
  assert.equal(await said(store.deleteMailbox(ACCOUNT, 'nowhere')), 'NONEXISTENT')
  assert.equal(await said(store.renameMailbox(ACCOUNT, 'a', 'a/x')), 'CANNOT')
  assert.equal(await said(store.renameMailbox(ACCOUNT, 'a', 'ad')), 'ALREADYEXISTS')
  assert.equal(await said(store.renameMailbox(ACCOUNT, 'a', 'ae/f')), 'LIMIT')
  assert.equal(await said(store.renameMailbox(ACCOUNT, 'a', 'af')), 'ok')
  assert.deepEqual(names(), ['ad', 'af', 'af/b', 'af/b/c'])
  assert.equal(await said(store.createMailbox(ACCOUNT, 'All', { specialUse: '\\All' })), 'CANNOT')
})
