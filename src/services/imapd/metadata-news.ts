/** Annotations that another session changed: told to a client that enabled METADATA or asked for it by NOTIFY, without their values. RFC 5464 §4.4.2. */
import type { AccountId } from '../../mail/accounts/mod.ts'
import type { Store } from '../../mail/store/mod.ts'
import { printEntry } from './commands/metadata.ts'
import { printName } from './printing.ts'
import type { Session } from './session.ts'

/** Own changes remembered until they come by. */
const OWN_KEPT = 1000

export class MetadataNews {
  readonly #session: Session
  #followed: { readonly store: Store; readonly account: AccountId; told: number } | undefined
  readonly #own = new Set<number>()

  constructor(session: Session) {
    this.#session = session
  }

  get enabled(): boolean {
    return this.#followed !== undefined
  }

  /** From now on. */
  follow(account: AccountId): void {
    const { store } = this.#session.deps
    this.#followed ??= { store, account, told: store.annotationModSeq(account) }
  }

  end(): void {
    this.#followed = undefined
    this.#own.clear()
  }

  /** The client knows of it. */
  own(modSeq: number): void {
    if (this.#followed !== undefined && this.#own.size < OWN_KEPT) this.#own.add(modSeq)
  }

  tell(): void {
    const followed = this.#followed
    if (followed === undefined || followed.store.annotationModSeq(followed.account) <= followed.told) return
    const entries = new Map<string, Set<string>>()
    for (const { modSeq, mailbox, entry } of followed.store.annotationsSince(followed.account, followed.told)) {
      followed.told = modSeq
      if (this.#own.has(modSeq) || this.#session.notifications?.wantsMetadata(mailbox) === false) continue
      entries.set(mailbox, (entries.get(mailbox) ?? new Set()).add(entry))
    }
    this.#own.clear()
    for (const [mailbox, names] of entries)
      this.#session.output.line(
        `* METADATA ${printName(this.#session, mailbox)} ${[...names].map(printEntry).join(' ')}`,
      )
  }
}
