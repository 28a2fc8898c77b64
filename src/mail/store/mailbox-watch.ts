/**
 * How the mailboxes of an account stand, followed: what differs since the last look. One look a change and thread, however
 * many sessions follow; one that names its mailboxes costs a look at these alone.
 */
import type { AccountId } from '../accounts/mod.ts'
import type { StoreContext } from './context.ts'
import type { MailboxChange, MailboxId, MailboxNews, MailboxStanding, MailboxWatch } from './contract.ts'
import { mailboxById, mailboxByName, type MailboxRow } from './mailbox-rows.ts'
import { listSubscriptions } from './mailboxes.ts'
import { snapshot } from './views.ts'

interface Watcher {
  /** undefined: all. */
  readonly names: readonly string[] | undefined
  readonly told: (news: MailboxNews) => void
}

/** The watches of one thread. */
export class MailboxWatches {
  readonly #ctx: StoreContext
  readonly #accounts = new Map<AccountId, AccountWatch>()

  constructor(ctx: StoreContext) {
    this.#ctx = ctx
  }

  watch(account: AccountId, names: readonly string[] | undefined, told: (news: MailboxNews) => void): MailboxWatch {
    let followed = this.#accounts.get(account)
    if (followed === undefined) this.#accounts.set(account, (followed = new AccountWatch(this.#ctx, account)))
    const watch = followed
    const watcher = { names, told }
    watch.add(watcher)
    return {
      look: () => watch.look(),
      standing: (name) => watch.standing(name),
      stop: () => {
        watch.remove(watcher)
        if (watch.idle) this.#accounts.delete(account)
      },
    }
  }
}

class AccountWatch {
  readonly #ctx: StoreContext
  readonly #account: AccountId
  readonly #watchers = new Set<Watcher>()
  #stop: (() => void) | undefined
  /** The feed's counter at the last look. */
  #seen = 0
  /** undefined: all mailboxes are looked at. */
  #names: ReadonlySet<string> | undefined = new Set()
  #rows: ReadonlyMap<MailboxId, MailboxStanding> = new Map()
  #subscribed: ReadonlySet<string> = new Set()

  constructor(ctx: StoreContext, account: AccountId) {
    this.#ctx = ctx
    this.#account = account
  }

  get idle(): boolean {
    return this.#watchers.size === 0
  }

  standing(name: string): MailboxStanding | undefined {
    return this.#rows.values().find((row) => row.name === name)
  }

  /** Those who follow already are told first; what is looked at anew is no news. */
  add(watcher: Watcher): void {
    if (!this.idle) this.look()
    this.#watchers.add(watcher)
    this.#stop ??= this.#ctx.feed.watch(this.#account, () => this.look())
    this.#lookAnew()
  }

  remove(watcher: Watcher): void {
    this.#watchers.delete(watcher)
    if (!this.idle) {
      this.look()
      this.#lookAnew()
      return
    }
    this.#stop?.()
    this.#stop = undefined
  }

  #lookAnew(): void {
    const watchers = [...this.#watchers]
    this.#names = watchers.some(({ names }) => names === undefined)
      ? undefined
      : new Set(watchers.flatMap(({ names }) => names ?? []))
    this.#rows = new Map()
    this.#take()
  }

  look(): void {
    if (this.#ctx.feed.value(this.#account) === this.#seen) return
    const rows = this.#rows
    const subscribed = this.#subscribed
    this.#take()
    const news = {
      changes: differences(rows, this.#rows),
      subscriptions: [...this.#subscribed.symmetricDifference(subscribed)],
    }
    if (news.changes.length + news.subscriptions.length === 0) return
    for (const { told } of this.#watchers) told(news)
  }

  #take(): void {
    const { db, feed } = this.#ctx
    // The counter first: what is committed after this look raises it again.
    this.#seen = feed.value(this.#account)
    snapshot(db.read, () => {
      this.#rows = this.#names === undefined ? this.#all() : this.#named(this.#names)
      if (this.#names === undefined) this.#subscribed = new Set(listSubscriptions(db.read, this.#account))
    })
  }

  /** Whole rows are read of those alone that changed. */
  #all(): Map<MailboxId, MailboxStanding> {
    const { read } = this.#ctx.db
    const rows = new Map<MailboxId, MailboxStanding>()
    // Names begin with a space at the least; one that an import fills is called otherwise (STAGED), and nobody's business.
    const found = read.sql("SELECT id, highest_mod_seq FROM mailbox WHERE account = ? AND name >= ' '")
    for (const [first, modSeq] of found.all(this.#account)) {
      const id = Number(first)
      const known = this.#rows.get(id)
      const row = known?.highestModSeq === Number(modSeq) ? known : standingOf(mailboxById(read, id))
      if (row !== undefined) rows.set(id, row)
    }
    return rows
  }

  /** Those of these names, and those that had them before. */
  #named(names: ReadonlySet<string>): Map<MailboxId, MailboxStanding> {
    const { read } = this.#ctx.db
    const found = [
      ...[...names].map((name) => mailboxByName(read, this.#account, name)),
      ...[...this.#rows.keys()].map((id) => mailboxById(read, id)),
    ]
    return new Map(
      found.flatMap((row) => {
        const standing = standingOf(row)
        return standing === undefined ? [] : [[standing.id, standing]]
      }),
    )
  }
}

function standingOf(row: MailboxRow | undefined): MailboxStanding | undefined {
  return row?.name === undefined ? undefined : { ...row, name: row.name }
}

function differences(
  before: ReadonlyMap<MailboxId, MailboxStanding>,
  after: ReadonlyMap<MailboxId, MailboxStanding>,
): MailboxChange[] {
  const changes: MailboxChange[] = []
  for (const [id, row] of after) {
    const old = before.get(id)
    if (old?.highestModSeq !== row.highestModSeq) changes.push({ id, before: old, after: row })
  }
  for (const [id, old] of before) if (!after.has(id)) changes.push({ id, before: old, after: undefined })
  return changes
}
