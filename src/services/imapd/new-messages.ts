/** New messages of the selected mailbox, of which a client asked that items be fetched by themselves. RFC 5465 §5.2, §7. */
import { type FetchItem, ImapError } from '../../formats/imap/mod.ts'
import type { Selected } from '../../mail/store/mod.ts'
import { fetchItems } from './commands/fetch.ts'
import type { Session } from './session.ts'

/** Own messages remembered until they come by. */
const OWN_KEPT = 10_000

export class NewMessages {
  readonly #session: Session
  /** UIDs of what this client put there, and of what was fetched since the last `end`. */
  readonly #known = new Set<number>()

  constructor(session: Session) {
    this.#session = session
  }

  own(uids: readonly number[]): void {
    for (const uid of uids) if (this.#known.size < OWN_KEPT) this.#known.add(uid)
  }

  /** Each message once, with what all who asked for it want. */
  async fetch(selected: Selected, uids: readonly number[], items: readonly FetchItem[]): Promise<void> {
    const fresh = uids.filter((uid) => !this.#known.has(uid))
    for (const uid of fresh) this.#known.add(uid)
    const seqs = fresh.map((uid) => selected.seqOf(uid)).filter((seq) => seq > 0)
    if (seqs.length === 0 || this.#session.selected !== selected) return
    try {
      await fetchItems(this.#session, seqs, distinct(items))
    } catch (error) {
      // There is no command to be refused: what cannot be fetched is not told.
      if (!(error instanceof ImapError)) throw error
    }
  }

  end(): void {
    this.#known.clear()
  }
}

function distinct(items: readonly FetchItem[]): FetchItem[] {
  const nameOf = (item: FetchItem): string => ('label' in item ? item.label : item.item)
  return [...new Map(items.map((item) => [nameOf(item), item])).values()]
}
