/**
 * Mailboxes of others, followed for NOTIFY: those that the user may list and read. RFC 5465 §5, §5.9. What is granted is as if it were
 * made, what is taken away as if it were removed. Looked at after changes of the accounts whose they are.
 */
import type { AccountId } from '../../mail/accounts/mod.ts'
import type { MailboxChange, MailboxId, MailboxStanding } from '../../mail/store/mod.ts'
import { shownName } from './places.ts'
import type { Session } from './session.ts'

export class SharedWatch {
  readonly #session: Session
  readonly #told: (changes: readonly MailboxChange[]) => void
  readonly #stops = new Map<AccountId, () => void>()
  #standings: ReadonlyMap<MailboxId, MailboxStanding> = new Map()

  /** @param named accounts that are followed whether something of them is shared by now or not */
  constructor(session: Session, named: Iterable<AccountId>, told: (changes: readonly MailboxChange[]) => void) {
    this.#session = session
    this.#told = told
    for (const account of [session.owner, ...named]) this.#follow(account)
    this.#standings = this.#take()
  }

  stop(): void {
    for (const stop of this.#stops.values()) stop()
    this.#stops.clear()
  }

  look(): void {
    const before = this.#standings
    const after = (this.#standings = this.#take())
    const changes: MailboxChange[] = []
    for (const [id, now] of after) {
      const old = before.get(id)
      if (old === undefined || isOther(old, now)) changes.push({ id, before: old, after: now })
    }
    for (const [id, old] of before) if (!after.has(id)) changes.push({ id, before: old, after: undefined })
    if (changes.length > 0) this.#told(changes)
  }

  #follow(account: AccountId): void {
    if (!this.#stops.has(account))
      this.#stops.set(
        account,
        this.#session.deps.store.onChange(account, () => this.look()),
      )
  }

  /** Under the names that the client has for them. */
  #take(): Map<MailboxId, MailboxStanding> {
    const { deps, owner } = this.#session
    const standings = new Map<MailboxId, MailboxStanding>()
    for (const { account, id, name, rights, selectable } of deps.store.sharedWith(owner)) {
      const shown = shownName(this.#session, account, name)
      if (shown === undefined || !rights.includes('l') || !rights.includes('r')) continue
      this.#follow(account)
      const status = deps.store.status(account, name, owner)
      const highest = Number(status?.highestModSeq ?? 0)
      standings.set(id, {
        id,
        name: shown,
        selectable,
        uidValidity: status?.uidValidity ?? 0,
        uidNext: status?.uidNext ?? 0,
        messages: status?.messages ?? 0,
        unseen: status?.unseen ?? 0,
        // What changed since stands in the counts above; the rest is flags.
        highestModSeq: highest,
        changedModSeq: highest,
        expungedModSeq: 0,
      })
    }
    return standings
  }
}

const isOther = (a: MailboxStanding, b: MailboxStanding): boolean =>
  a.highestModSeq !== b.highestModSeq || a.unseen !== b.unseen || a.name !== b.name || a.selectable !== b.selectable
