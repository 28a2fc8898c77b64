/** Mailboxes of several users: rights on every thread, \Seen of each reader's own against a model, what a stop leaves behind. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Refusal, Selected, Store } from './contract.ts'
import { SHARED_SEEN_ENTRY } from './private-seen.ts'
import { ANYONE, SHARED_ACCOUNT } from './rights.ts'
import { ACCOUNT, openTestStore, testStores } from './testing.ts'

const BEA = 8
const CARL = 9
const readers = [ACCOUNT, BEA, CARL]

async function open(store: Store, who: number, name = 'INBOX', account = ACCOUNT): Promise<Selected> {
  const selected = await store.select(account, name, { readOnly: false, who })
  assert.ok(!('refused' in selected))
  return selected
}

const grant = (store: Store, grantee: number, rights: string, negative = false): Promise<undefined | Refusal> =>
  store.changeGrant(ACCOUNT, 'INBOX', { grantee, negative }, { operation: 'set', rights })

test('rights hold on every thread at once, and waken who has the mailbox open', async (t) => {
  const [one, two] = await testStores(t, 2)
  assert.ok(one && two)
  assert.equal(two.store.rights(ACCOUNT, 'INBOX', BEA), '')
  const selected = await open(two.store, BEA)
  let woken = 0
  const stop = selected.onChange(() => woken++)
  await grant(one.store, BEA, 'lrs')
  await grant(one.store, ANYONE, 'li')
  await grant(one.store, BEA, 's', true)
  assert.equal(two.store.rights(ACCOUNT, 'inbox', BEA), 'lri')
  assert.equal(two.store.rights(ACCOUNT, 'INBOX', CARL), 'li')
  assert.equal(two.store.rightsById(selected, BEA), 'lri')
  for (let i = 0; i < 100 && woken === 0; i++) await new Promise(setImmediate)
  assert.ok(woken > 0)
  stop()
  assert.deepEqual(
    two.store.sharedWith(BEA).map(({ account, name, rights }) => [account, name, rights]),
    [[ACCOUNT, 'INBOX', 'lri']],
  )
  assert.deepEqual(two.store.sharedWith(ACCOUNT), [])
})

test('a list has a bound, which what is there already does not break', async (t) => {
  const { store } = await openTestStore(t, { mailbox_rights_limit: 2 })
  for (const who of [10, 11]) assert.equal(await grant(store, who, 'lr'), undefined)
  assert.equal((await grant(store, 12, 'lr'))?.refused, 'LIMIT')
  assert.equal(await grant(store, 11, 'l'), undefined)
  assert.equal(await grant(store, 10, ''), undefined)
  assert.equal(await grant(store, 12, 'lr'), undefined)
})

test('what is shared with somebody has another MODSEQ when what they see of it changed, and then alone', async (t) => {
  const { store } = await openTestStore(t)
  for (const who of [BEA, CARL]) await grant(store, who, 'lrs')
  const seen = (): readonly unknown[] => [BEA, CARL].map((who) => store.sharedWith(who).map(({ modSeq }) => modSeq)[0])
  const append = (): unknown => store.append(ACCOUNT, 'INBOX', [Buffer.from('\r\n')], { sizeOctets: 2, flags: [] })
  const [bea, owner] = [await open(store, BEA), await open(store, ACCOUNT)]
  let before = seen()
  const changed = async (work: () => unknown): Promise<boolean[]> => {
    await work()
    const [old, now] = [before, (before = seen())]
    for (const one of [bea, owner]) await one.refresh({ expunges: true })
    return now.map((modSeq, i) => modSeq !== old[i])
  }
  assert.deepEqual(await changed(append), [true, true])
  assert.deepEqual(await changed(() => bea.storeFlags([1], 'add', ['\\Seen'])), [true, false])
  assert.deepEqual(await changed(() => bea.storeFlags([1], 'add', ['\\Seen'])), [false, false])
  assert.deepEqual(await changed(() => owner.storeFlags([1], 'add', ['\\Deleted'])), [true, true])
  assert.deepEqual(await changed(() => owner.expunge()), [true, true])
})

/** What a client knows of \Seen that believes what it is told. */
class Client {
  readonly seen = new Map<number, boolean>()
  readonly selected: Selected

  constructor(selected: Selected) {
    this.selected = selected
    this.take(Array.from({ length: selected.count }, (_, i) => i + 1))
  }

  take(seqs: readonly number[]): void {
    for (const seq of seqs) this.seen.set(this.selected.uidAt(seq), this.selected.hasFlag(seq, '\\Seen'))
  }

  async refresh(): Promise<void> {
    const before = this.selected.uidNext
    const { changed, expungedUids } = await this.selected.refresh({ expunges: true })
    for (const uid of expungedUids) this.seen.delete(uid)
    this.take(changed)
    for (let seq = this.selected.lowerBound(before); seq <= this.selected.count; seq++) this.take([seq])
  }

  get seenUids(): number[] {
    return [...this.seen].flatMap(([uid, seen]) => (seen ? [uid] : [])).toSorted((a, b) => a - b)
  }
}

/** Clients that come back, of one script. */
const AWAY = 4

/** One step: who does what to which message. */
type Step = readonly [who: number, what: 'see' | 'unsee' | 'flag' | 'arrive' | 'expunge' | 'look' | 'turn', n: number]

const steps = fc.array(
  fc.tuple(
    fc.integer({ min: 0, max: 2 }),
    fc.constantFrom<Step[1]>('see', 'unsee', 'flag', 'arrive', 'expunge', 'look', 'turn'),
    fc.nat(7).map((n) => n * 37), // few messages, so that steps meet
  ),
  { minLength: 30, maxLength: 60 },
)

test('\\Seen of each reader is what a model says, on two threads, in every view and count', async (t) => {
  const worlds = await testStores(t, 2, [{ view_memory_limit: 20_000 }, { view_memory_limit: 20_000 }])
  let run = 0
  await fc.assert(
    fc.asyncProperty(steps, async (script) => {
      const name = `Box${run++}`
      const [first] = worlds
      assert.ok(first)
      await first.store.createMailbox(ACCOUNT, name)
      for (let i = 0; i < 300; i++) await first.deposit(name)
      const seen = new Map(readers.map((who) => [who, new Set<number>()]))
      const sessions = await Promise.all(readers.map((who, i) => open(worlds[i % 2]!.store, who, name)))
      const clients = sessions.map((selected) => new Client(selected))
      let isShared = false
      const modelOf = (i: number): Set<number> => seen.get(isShared ? ACCOUNT : readers[i]!)!
      const turn = (): Promise<unknown> => {
        isShared = !isShared
        const value = isShared ? Buffer.from('true') : undefined
        return first.store.setAnnotations(ACCOUNT, name, [{ entry: SHARED_SEEN_ENTRY, value }])
      }
      const away: { readonly i: number; readonly modSeq: bigint; readonly seen: ReadonlySet<number> }[] = []
      for (const [i, what, n] of script) {
        const selected = sessions[i]!
        if (what === 'arrive') await first.deposit(name)
        if (what === 'turn') await turn()
        await clients[i]!.refresh()
        if (what === 'look' && away.length < AWAY)
          away.push({ i, modSeq: selected.highestModSeq, seen: new Set(modelOf(i)) })
        const before = selected.highestModSeq
        const seq = 1 + (n % Math.max(1, selected.count))
        const uid = selected.uidAt(seq)
        if (selected.count === 0) continue
        if (what === 'see' || what === 'unsee') {
          const had = selected.hasFlag(seq, '\\Seen')
          await selected.storeFlags([seq], what === 'see' ? 'add' : 'remove', ['\\Seen'])
          if (what === 'see') modelOf(i).add(uid)
          else modelOf(i).delete(uid)
          clients[i]!.take([seq])
          // A change has a MODSEQ above all before; what was so already has none.
          assert.equal(selected.modSeqAt(seq) > before, had !== (what === 'see'))
        } else if (what === 'flag') await selected.storeFlags([seq], 'add', ['\\Flagged', `k${n}`])
        else if (what === 'expunge') {
          await selected.storeFlags([seq], 'add', ['\\Deleted'])
          await selected.expunge()
        }
      }
      for (const [i, who] of readers.entries()) await agrees(worlds[(i + 1) % 2]!.store, name, who, modelOf(i))
      // Who comes back is told of all that differs.
      for (const { i, modSeq, seen: known } of away)
        for (const world of worlds) {
          const back = await open(world.store, readers[i]!, name)
          const told = new Set(back.changedSince(modSeq, back.uidNext).map((seq) => back.uidAt(seq)))
          for (const uid of new Set([...known, ...modelOf(i)]).values())
            if (back.seqOf(uid) > 0 && known.has(uid) !== modelOf(i).has(uid)) assert.ok(told.has(uid), `UID ${uid}`)
          back.close()
        }
      for (const [i, selected] of sessions.entries()) {
        await clients[i]!.refresh()
        assert.deepEqual(seenIn(selected), seenOf(selected, modelOf(i)))
        assert.deepEqual(clients[i]!.seenUids, seenIn(selected))
        selected.close()
      }
    }),
    { numRuns: 12 },
  )
})

const seenIn = (selected: Selected): number[] =>
  Array.from({ length: selected.count }, (_, i) => i + 1)
    .filter((seq) => selected.hasFlag(seq, '\\Seen'))
    .map((seq) => selected.uidAt(seq))

const seenOf = (selected: Selected, model: ReadonlySet<number>): number[] =>
  Array.from({ length: selected.count }, (_, i) => selected.uidAt(i + 1)).filter((uid) => model.has(uid))

/** A session that comes new. */
async function agrees(store: Store, name: string, who: number, model: ReadonlySet<number>): Promise<void> {
  const selected = await open(store, who, name)
  const expected = seenOf(selected, model)
  assert.deepEqual(seenIn(selected), expected)
  const status = store.status(ACCOUNT, name, who)
  assert.equal(status?.unseen, selected.count - expected.length)
  assert.equal(status?.highestModSeq, selected.highestModSeq)
  const unseen = await selected.search({ key: 'NOT', not: { key: 'FLAG', flag: '\\Seen', set: true } })
  assert.equal(unseen.length, selected.count - expected.length)
  selected.close()
}

test('no MODSEQ that was told goes back when \\Seen becomes shared', async (t) => {
  const { store, deposit } = await openTestStore(t)
  await deposit()
  const bea = await open(store, BEA)
  const { modSeq } = await bea.storeFlags([1], 'add', ['\\Seen'])
  await store.setAnnotations(ACCOUNT, 'INBOX', [{ entry: SHARED_SEEN_ENTRY, value: Buffer.from('true') }])
  assert.ok((await open(store, BEA)).highestModSeq > modSeq)
  assert.ok((store.status(ACCOUNT, 'INBOX', BEA)?.highestModSeq ?? 0n) > modSeq)
})

test('a session that goes over to another view counts as before, and stores where \\Seen is now', async (t) => {
  const { store, deposit } = await openTestStore(t)
  for (let i = 0; i < 4; i++) await deposit()
  const turn = (value: Buffer | undefined): Promise<unknown> =>
    store.setAnnotations(ACCOUNT, 'INBOX', [{ entry: SHARED_SEEN_ENTRY, value }])
  await turn(Buffer.from('true'))
  const [owner, bea] = [await open(store, ACCOUNT), await open(store, BEA)]
  await turn(undefined)
  // The view that she goes over to has forgotten what she still counts.
  const other = await open(store, BEA)
  for (const flag of ['\\Deleted', '\\Flagged']) {
    await owner.storeFlags([1], 'add', [flag])
    await owner.expunge()
    for (const one of [owner, other]) await one.refresh({ expunges: true })
  }
  assert.equal(other.count, 3)
  await bea.storeFlags([2], 'add', ['\\Seen'])
  assert.deepEqual([bea.count, bea.uidAt(2), bea.hasFlag(2, '\\Seen')], [4, 2, true])
  assert.deepEqual((await bea.refresh({ expunges: true })).expunged, [1])
  await other.refresh({ expunges: true })
  assert.deepEqual(seenIn(bea), [2])
  assert.deepEqual(seenIn(other), [2])
  assert.equal(store.status(ACCOUNT, 'INBOX', ACCOUNT)?.unseen, 3)
})

test('a removed account takes its rights and marks along', async (t) => {
  const { store, db, deposit } = await openTestStore(t)
  await deposit()
  await grant(store, BEA, 'lrs')
  await (await open(store, BEA)).storeFlags([1], 'add', ['\\Seen'])
  await store.setAnnotations(ACCOUNT, 'INBOX', [{ entry: '/private/note', value: Buffer.from('x') }], BEA)
  await store.removeAccount(BEA)
  for (const table of ['mailbox_right', 'mailbox_seen', 'annotation'])
    assert.equal(db.read.sql(`SELECT count(*) FROM ${table}`).get()?.[0], 0, table)
  await grant(store, CARL, 'lrs')
  await (await open(store, CARL)).storeFlags([1], 'add', ['\\Seen'])
  await store.removeAccount(ACCOUNT)
  for (const table of ['mailbox_right', 'mailbox_seen'])
    assert.equal(db.read.sql(`SELECT count(*) FROM ${table}`).get()?.[0], 0, table)
})

test('the account of shared mailboxes has none but those that are made', async (t) => {
  const { store } = await openTestStore(t)
  await store.provision(SHARED_ACCOUNT)
  assert.deepEqual(store.mailboxes(SHARED_ACCOUNT), [])
  assert.ok('refused' in (await store.select(SHARED_ACCOUNT, 'INBOX', { readOnly: true })))
  assert.ok('id' in (await store.createMailbox(SHARED_ACCOUNT, 'a/b')))
  assert.deepEqual(
    store.mailboxes(SHARED_ACCOUNT).map(({ name }) => name),
    ['a', 'a/b'],
  )
  for (const name of ['INBOX', 'inbox']) {
    assert.ok('refused' in (await store.createMailbox(SHARED_ACCOUNT, name)))
    assert.equal((await store.renameMailbox(SHARED_ACCOUNT, 'a', name))?.refused, 'CANNOT')
  }
})
