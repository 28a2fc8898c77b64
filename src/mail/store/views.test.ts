/**
 * Several sessions on two stores over one database (two threads, one of which puts every view away at once), against
 * a model: a mailbox is a list of messages, and each session is played by a client that knows only what it was told.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { FlagOperation, Selected } from './contract.ts'
import { NO_FACTS, openTestStore, testStores, type TestStore } from './testing.ts'

const MAILBOXES = ['INBOX', 'Archive'] as const
const FLAGS = ['\\Seen', '\\Deleted', '\\Flagged', 'Work', '$Later'] as const

type Model = Map<string, Map<number, Set<string>>>

/** What a client knows: UIDs by sequence number, and flags. */
interface Client {
  readonly selected: Selected
  readonly mailbox: string
  uids: number[]
  flags: Map<number, string>
  highest: bigint
}

type Command =
  | { readonly do: 'deposit'; readonly store: number; readonly mailbox: number; readonly flags: readonly string[] }
  | {
      readonly do: 'store'
      readonly client: number
      readonly seqs: readonly number[]
      readonly operation: FlagOperation
      readonly flags: readonly string[]
      readonly silent: boolean
    }
  | { readonly do: 'expunge'; readonly client: number; readonly only: number }
  | { readonly do: 'refresh'; readonly client: number; readonly expunges: boolean }
  | { readonly do: 'copy' | 'move'; readonly client: number; readonly seqs: readonly number[]; readonly target: number }

const client = fc.nat({ max: 7 })
const flags = fc.subarray([...FLAGS])
const seqs = fc.array(fc.nat({ max: 40 }), { maxLength: 6 })
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('deposit' as const),
      store: fc.nat({ max: 1 }),
      mailbox: fc.nat({ max: 1 }),
      flags,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('store' as const),
      client,
      seqs,
      operation: fc.constantFrom<FlagOperation>('add', 'remove', 'replace'),
      flags,
      silent: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('expunge' as const), client, only: fc.nat({ max: 3 }) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('refresh' as const), client, expunges: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom('copy' as const, 'move' as const),
      client,
      seqs,
      target: fc.nat({ max: 1 }),
    }),
  },
)

const spell = (words: Iterable<string>): string =>
  [...words]
    .filter((word) => word !== '\\Recent')
    .sort()
    .join(' ')

function apply(had: Iterable<string>, operation: FlagOperation, named: readonly string[]): Set<string> {
  if (operation === 'replace') return new Set(named)
  const has = new Set(had)
  for (const flag of named) {
    if (operation === 'add') has.add(flag)
    else has.delete(flag)
  }
  return has
}

class Play {
  readonly stores: readonly TestStore[]
  readonly account: number
  readonly model: Model = new Map(MAILBOXES.map((name) => [name, new Map()]))
  readonly clients: Client[] = []
  readonly lastUid = new Map<string, number>()
  modSeq = 0n

  constructor(stores: readonly TestStore[], account: number) {
    this.stores = stores
    this.account = account
  }

  async begin(): Promise<void> {
    await this.stores[0]?.store.provision(this.account)
    for (let i = 0; i < 8; i++) {
      const mailbox = MAILBOXES[(i >> 2) & 1] ?? 'INBOX'
      const selected = await this.stores[i & 1]?.store.select(this.account, mailbox, { readOnly: false })
      assert.ok(selected !== undefined && !('refused' in selected))
      this.clients.push({ selected, mailbox, uids: [], flags: new Map(), highest: 0n })
    }
  }

  box(name: string): Map<number, Set<string>> {
    return this.model.get(name) ?? assert.fail()
  }

  enter(mailbox: string, uid: number, named: Iterable<string>): void {
    assert.ok(uid > (this.lastUid.get(mailbox) ?? 0), 'UIDs rise')
    this.lastUid.set(mailbox, uid)
    this.box(mailbox).set(uid, new Set(named))
  }

  rises(modSeq: bigint): void {
    assert.ok(modSeq > this.modSeq, `MODSEQ rises: ${modSeq} after ${this.modSeq}`)
    this.modSeq = modSeq
  }

  async run(c: Command): Promise<void> {
    if (c.do === 'deposit') return this.deposit(c.store, MAILBOXES[c.mailbox] ?? 'INBOX', c.flags)
    const one = this.clients[c.client] ?? assert.fail()
    const n = one.uids.length
    const there = 'seqs' in c && n > 0 ? [...new Set(c.seqs.map((seq) => (seq % n) + 1))] : []
    switch (c.do) {
      case 'store':
        return this.storeFlags(one, there, c)
      case 'expunge':
        return this.expunge(one, c.only)
      case 'refresh':
        return this.refresh(one, c.expunges)
      case 'copy':
      case 'move':
        return this.copy(one, there, MAILBOXES[c.target] ?? 'INBOX', c.do)
    }
  }

  async deposit(store: number, mailbox: string, named: readonly string[]): Promise<void> {
    const { db, store: into } = this.stores[store] ?? assert.fail()
    const at = { segment: 0, offset: 0, length: 10 }
    const entry = {
      account: this.account,
      mailbox,
      recordId: Buffer.alloc(16),
      at,
      prefix: Buffer.alloc(0),
      facts: NO_FACTS,
    }
    const made = await db.write((tx) => into.deposit(tx, { ...entry, flags: named, internalDateMs: 0 }))
    assert.ok(made)
    this.rises(made.modSeq)
    this.enter(mailbox, made.uid, named)
  }

  async storeFlags(one: Client, there: number[], c: Command & { do: 'store' }): Promise<void> {
    const { modSeq } = await one.selected.storeFlags(there, c.operation, c.flags, { silent: c.silent })
    if (modSeq > this.modSeq) this.modSeq = modSeq
    for (const seq of there) {
      const uid = one.uids[seq - 1] ?? 0
      const had = this.box(one.mailbox).get(uid)
      if (had !== undefined) this.box(one.mailbox).set(uid, apply(had, c.operation, c.flags))
      const known = (one.flags.get(uid) ?? '').split(' ').filter(Boolean)
      // .SILENT: the client works out the flags from what it knows; else it is told them.
      one.flags.set(uid, c.silent ? spell(apply(known, c.operation, c.flags)) : spell(one.selected.flagsAt(seq)))
    }
  }

  async expunge(one: Client, only: number): Promise<void> {
    const chosen = only === 0 ? undefined : { has: (uid: number) => uid % (only + 1) === 0 }
    await one.selected.expunge(chosen)
    for (const [uid, named] of this.box(one.mailbox))
      if (named.has('\\Deleted') && chosen?.has(uid) !== false) this.box(one.mailbox).delete(uid)
  }

  async copy(one: Client, there: number[], target: string, how: 'copy' | 'move'): Promise<void> {
    const done = await one.selected[how](there, target)
    assert.ok('uids' in done)
    const wanted = there.map((seq) => one.uids[seq - 1] ?? 0).filter((uid) => this.box(one.mailbox).has(uid))
    assert.deepEqual(
      done.uids.map(([uid]) => uid),
      wanted.sort((a, b) => a - b),
    )
    for (const [from, to] of done.uids) {
      this.enter(target, to, this.box(one.mailbox).get(from) ?? [])
      if (how === 'move') this.box(one.mailbox).delete(from)
    }
  }

  async refresh(one: Client, expunges: boolean): Promise<void> {
    const { selected } = one
    const delta = await selected.refresh({ expunges })
    const gone = delta.expunged.map((seq) => one.uids.splice(seq - 1, 1)[0])
    assert.deepEqual(gone, delta.expungedUids)
    if (!expunges) assert.equal(gone.length, 0)
    assert.equal(delta.exists ?? one.uids.length, selected.count)
    const known = one.uids.length
    for (let seq = known + 1; seq <= selected.count; seq++) one.uids.push(selected.uidAt(seq))
    for (const seq of [...delta.changed, ...Array.from({ length: one.uids.length - known }, (_, i) => known + 1 + i)])
      one.flags.set(one.uids[seq - 1] ?? 0, spell(selected.flagsAt(seq)))
    assert.ok(selected.highestModSeq >= one.highest)
    one.highest = selected.highestModSeq
    assert.equal(selected.stale, expunges ? false : selected.stale)
    this.check(one, expunges)
  }

  /** The client knows what is there. Messages that are gone and were not announced keep their numbers. */
  check({ selected, mailbox, uids, flags: known }: Client, expunges: boolean): void {
    const box = this.box(mailbox)
    if (expunges) assert.deepEqual(uids, [...box.keys()])
    assert.deepEqual(
      uids.filter((uid) => box.has(uid)),
      [...box.keys()],
    )
    uids.forEach((uid, i) => {
      assert.equal(selected.uidAt(i + 1), uid)
      assert.equal(selected.seqOf(uid), i + 1)
      const named = box.get(uid)
      if (named === undefined) return
      assert.equal(known.get(uid), spell(named), `flags of ${uid}`)
      assert.equal(spell(selected.flagsAt(i + 1)), spell(named))
      for (const flag of FLAGS) assert.equal(selected.hasFlag(i + 1, flag.toLowerCase()), named.has(flag))
    })
  }

  /** Everybody is told everything; counters are right. */
  async end(): Promise<void> {
    for (const one of this.clients) await this.refresh(one, true)
    let messages = 0
    for (const mailbox of MAILBOXES) {
      const all = [...this.box(mailbox).values()]
      messages += all.length
      const status = this.stores[0]?.store.status(this.account, mailbox)
      assert.deepEqual(
        [status?.messages, status?.unseen, status?.deleted, status?.sizeOctets],
        [
          all.length,
          all.filter((named) => !named.has('\\Seen')).length,
          all.filter((named) => named.has('\\Deleted')).length,
          all.length * 10,
        ],
      )
    }
    assert.deepEqual(this.stores[0]?.store.usage(this.account), { messages, octets: messages * 10 })
    for (const { selected } of this.clients) selected.close()
  }
}

test('whatever sessions do, each is told exactly what happened', async (t) => {
  const stores = await testStores(t, 2, [{}, { view_memory_limit: 0 }])
  let account = 100
  await fc.assert(
    fc.asyncProperty(fc.array(command, { minLength: 10, maxLength: 80, size: 'max' }), async (commands) => {
      const play = new Play(stores, account++)
      await play.begin()
      for (const one of commands) await play.run(one)
      await play.end()
    }),
    { numRuns: 60 },
  )
})

test('what left is told from a MODSEQ on, but for what the session still counts, and not from below what is remembered', async (t) => {
  const { deposit, select, db } = await openTestStore(t)
  for (let i = 0; i < 4; i++) await deposit('INBOX', { flags: i === 0 ? [] : ['\\Deleted'] })
  const before = await select()
  const since = before.highestModSeq
  await before.expunge(new Set([3]))
  const selected = await select()
  await selected.expunge()
  assert.deepEqual(before.expungedSince(since), [], 'told of none yet')
  await before.refresh({ expunges: true })
  assert.deepEqual(before.expungedSince(since), [2, 3, 4])
  assert.deepEqual(before.expungedSince(since + 1n), [2, 4])
  assert.deepEqual(before.expungedSince(before.highestModSeq), [])
  await db.write((tx) =>
    tx.sql('UPDATE mailbox SET expunged_floor = ? WHERE id = ?').run(Number(since) + 1, before.mailbox),
  )
  assert.equal(before.expungedSince(since), undefined)
  assert.deepEqual(before.expungedSince(since + 1n), [2, 4])
  await db.write((tx) => tx.sql('UPDATE account_state SET resync_floor = ?').run(Number(since) + 2))
  assert.equal(before.expungedSince(since + 1n), undefined)
})
