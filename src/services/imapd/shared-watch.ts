/**
 * Mailboxes of others, followed for NOTIFY: those that the user may list and read. RFC 5465 §5, §5.9. What is granted is as if it were
 * made, what is taken away as if it were removed. Looked at after changes of the accounts whose they are.
 */
import type { AccountId } from '../../mail/accounts/mod.ts'
import {
  type MailboxChange,
  type MailboxId,
  type MailboxStanding,
  SHARED_ACCOUNT,
  type SharedMailbox,
} from '../../mail/store/mod.ts'
import { shownNames } from './places.ts'
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
    // Of what all may see nobody is told by himself.
    for (const account of [session.owner, SHARED_ACCOUNT, ...named]) this.#follow(account)
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
      if (old !== now) changes.push({ id, before: old, after: now })
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

  /** Under the names that the client has for them. Those alone are looked into that changed. */
  #take(): Map<MailboxId, MailboxStanding> {
    const { deps, owner } = this.#session
    const standings = new Map<MailboxId, MailboxStanding>()
    const nameOf = shownNames(this.#session)
    for (const mailbox of deps.store.sharedWith(owner)) {
      const { account, id, name, rights, selectable, modSeq } = mailbox
      const shown = nameOf(account, name)
      if (shown === undefined || !rights.includes('l') || !rights.includes('r')) continue
      this.#follow(account)
      const known = this.#standings.get(id)
      const isSame = known?.highestModSeq === modSeq && known.name === shown && known.selectable === selectable
      standings.set(id, isSame ? known : this.#standingOf(mailbox, shown))
    }
    return standings
  }

  #standingOf({ account, id, name, selectable, modSeq }: SharedMailbox, shown: string): MailboxStanding {
    const { deps, owner } = this.#session
    const status = deps.store.status(account, name, owner)
    return {
      id,
      name: shown,
      selectable,
      uidValidity: status?.uidValidity ?? 0,
      uidNext: status?.uidNext ?? 0,
      messages: status?.messages ?? 0,
      unseen: status?.unseen ?? 0,
      // What changed since stands in the counts above; the rest is flags.
      highestModSeq: modSeq,
      changedModSeq: modSeq,
      expungedModSeq: 0,
    }
  }
}
