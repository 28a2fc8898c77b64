/**
 * The maildrop: INBOX as it was at log-in, with the marks for deletion. RFC 1939 §8: numbers stay for the session.
 */
import { Pop3Error } from '../../formats/pop3/mod.ts'
import type { Selected, Store, StoredMessage } from '../../mail/store/mod.ts'

/** A client that takes one message after the other gets so many rows looked up at once. */
const AHEAD = 32

export class Maildrop {
  readonly #selected: Selected
  readonly #store: Store
  readonly #deleted = new Set<number>()
  /** Rows looked up with the one before, by number. */
  readonly #ahead = new Map<number, StoredMessage>()
  #last = 0
  #rawHeaders: ReadonlySet<number> | undefined
  /** Numbers are those of log-in; the view is never refreshed, so they stay. */
  readonly count: number

  readonly #onClose: () => void

  constructor(selected: Selected, store: Store, onClose: () => void) {
    this.#onClose = onClose
    this.#selected = selected
    this.#store = store
    this.count = selected.count
  }

  /** @param onClose called once it is closed */
  static async open(store: Store, account: number, onClose: () => void): Promise<Maildrop> {
    const selected = await store.select(account, 'INBOX', { readOnly: false })
    if ('refused' in selected) throw new Pop3Error('The mailbox cannot be opened.', 'SYS/TEMP')
    await selected.refresh({ expunges: true })
    return new Maildrop(selected, store, onClose)
  }

  /** Throws for a number that is none or that is marked for deletion. */
  check(n: number): number {
    if (n < 1 || n > this.count) throw new Pop3Error(`There's no message ${n}.`)
    if (this.#deleted.has(n)) throw new Pop3Error('Message is deleted.')
    return n
  }

  size(n: number): number {
    return this.#selected.sizeAt(n)
  }

  /** Numbers of messages that a client without UTF8 gets with other header sections than those stored. */
  withRawHeaders(): ReadonlySet<number> {
    return (this.#rawHeaders ??= this.#selected.withRawHeaders())
  }

  /** Numbers that are not marked, ascending. */
  *numbers(): Iterable<number> {
    for (let n = 1; n <= this.count; n++) if (!this.#deleted.has(n)) yield n
  }

  get totals(): { readonly messages: number; readonly octets: number } {
    let messages = 0
    let octets = 0
    for (const n of this.numbers()) {
      messages++
      octets += this.size(n)
    }
    return { messages, octets }
  }

  async message(n: number): Promise<StoredMessage> {
    const isNext = n === this.#last + 1
    this.#last = n
    const known = this.#ahead.get(n)
    if (known !== undefined) return known
    this.#ahead.clear()
    const numbers = Array.from({ length: isNext ? Math.min(AHEAD, this.count - n + 1) : 1 }, (_, i) => n + i)
    for await (const batch of this.#selected.messages(numbers, ['content', 'parts'])) {
      for (const [i, message] of batch.entries()) if (message !== undefined) this.#ahead.set(n + i, message)
      break
    }
    const message = this.#ahead.get(n)
    if (message !== undefined) return message
    throw new Pop3Error('Message is gone: another session removed it.')
  }

  /** For UIDL; undefined where another session removed the message. */
  uidls(numbers: readonly number[]): readonly (string | undefined)[] {
    return this.#selected.uidlsOf(numbers)
  }

  read(message: StoredMessage, from: number, to: number): Buffer {
    return this.#store.read(message, from, to)
  }

  delete(n: number): void {
    this.#deleted.add(n)
  }

  /** Takes all marks back; answers how many there were. */
  reset(): number {
    const marked = this.#deleted.size
    this.#deleted.clear()
    return marked
  }

  /** What was read shows as read to IMAP clients. */
  async markSeen(n: number): Promise<void> {
    if (!this.#selected.hasFlag(n, '\\Seen')) await this.#selected.storeFlags([n], 'add', ['\\Seen'], { silent: true })
  }

  /** Removes what is marked (update state); answers how many. Marked only once the flag is stored: expunge takes all or none. */
  async update(): Promise<number> {
    if (this.#deleted.size === 0) return 0
    const numbers = [...this.#deleted].toSorted((a, b) => a - b)
    const uids = new Set(numbers.map((n) => this.#selected.uidAt(n)))
    await this.#selected.storeFlags(numbers, 'add', ['\\Deleted'], { silent: true })
    await this.#selected.expunge(uids)
    return numbers.length
  }

  close(): void {
    this.#selected.close()
    this.#onClose()
  }
}
