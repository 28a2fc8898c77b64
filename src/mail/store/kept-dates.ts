/**
 * Dates of messages by their Date field, kept in memory for SORT: a mailbox's are read once, then only those of what arrived. They
 * are kept by message, in the order of the mailbox, and laid beside the rows of its view again each time.
 */
import { pauses } from '#src/base/mod.ts'
import type { AccountId } from '../accounts/mod.ts'
import type { StoreContext } from './context.ts'
import type { MailboxId } from './contract.ts'
import { messageBatch } from './message-batch.ts'
import { MESSAGE_BATCH } from './message-rows.ts'
import type { SearchRows } from './search.ts'

/** Messages of all mailboxes whose dates are kept, 16 octets each. The least recently sorted mailbox is forgotten first. */
const KEPT_LIMIT = 500_000
/** A message without a date, or one that is gone: it counts by when it came. */
const NO_DATE = Number.POSITIVE_INFINITY

interface Kept {
  /** Row ids. */
  readonly messages: Float64Array
  readonly dates: Float64Array
}

const NOTHING: Kept = { messages: new Float64Array(0), dates: new Float64Array(0) }

export class KeptDates {
  readonly #ctx: StoreContext
  /** In order of use. */
  readonly #mailboxes = new Map<MailboxId, Kept>()
  #messages = 0

  constructor(ctx: StoreContext) {
    this.#ctx = ctx
  }

  /** By the place of a row: when the message was sent, in ms; Infinity where that is not known. As of the view after the last pause. */
  async of(account: AccountId, mailbox: MailboxId, rows: () => SearchRows): Promise<Float64Array> {
    const pause = pauses(this.#ctx.clock)
    const { messages, dates } = laidBeside(rows(), this.#mailboxes.get(mailbox) ?? NOTHING)
    const unknown: number[] = []
    for (let place = 0; place < dates.length; place++) if (Number.isNaN(dates[place])) unknown.push(place)
    for (let from = 0; from < unknown.length; from += MESSAGE_BATCH) {
      const places = unknown.slice(from, from + MESSAGE_BATCH)
      const ids = places.map((place) => messages[place] ?? 0)
      const found = messageBatch(this.#ctx.db.read, account, ids, ['sentMs'])
      for (const [i, place] of places.entries()) {
        const sentMs = found[i]?.sentMs
        dates[place] = sentMs === undefined || Number.isNaN(sentMs) ? NO_DATE : sentMs
      }
      await pause()
    }
    const kept = { messages, dates }
    this.#keep(mailbox, kept)
    return laidBeside(rows(), kept).dates.map((date) => (Number.isNaN(date) ? NO_DATE : date))
  }

  #keep(mailbox: MailboxId, kept: Kept): void {
    this.#forget(mailbox)
    this.#mailboxes.set(mailbox, kept)
    this.#messages += kept.messages.length
    for (const other of this.#mailboxes.keys()) {
      if (this.#messages <= KEPT_LIMIT) return
      this.#forget(other)
    }
  }

  #forget(mailbox: MailboxId): void {
    this.#messages -= this.#mailboxes.get(mailbox)?.messages.length ?? 0
    this.#mailboxes.delete(mailbox)
  }
}

/**
 * What is kept of the rows as they are now; NaN for a message that is new. Rows only go and are only appended, so both are in one
 * order: what is not found behind the one before is new, and so is all that follows it.
 */
function laidBeside({ entries, numbers }: SearchRows, kept: Kept): Kept {
  const messages = entries.message.slice(0, numbers.limit)
  const dates = new Float64Array(messages.length).fill(Number.NaN)
  let at = 0
  for (let place = 0; place < messages.length && at < kept.messages.length; place++) {
    while (at < kept.messages.length && kept.messages[at] !== messages[place]) at++
    if (at < kept.messages.length) dates[place] = kept.dates[at++]!
  }
  return { messages, dates }
}
