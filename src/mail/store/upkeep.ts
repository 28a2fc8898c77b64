/**
 * What can wait: content of expunged messages is released, old history forgotten, deleted mailboxes emptied, small
 * neighbouring pages merged. Each in slices that are whole by themselves; upkeep's thread runs it now and then.
 */
import { type Clock, othersTurn } from '#src/base/mod.ts'
import type { Db, Tx } from '../../io/db/mod.ts'
import { SLICE_MS } from './context.ts'
import type { MailboxId } from './contract.ts'
import { Entries, joinEntries, PAGE_ENTRIES } from './entries.ts'
import { dropPlacement } from './message-rows.ts'
import { pageFrom, writePage } from './pages.ts'
import type { StoreSettings } from './params.ts'
import { SearchIndexer } from './search-indexer.ts'
import type { ReadContent } from './search-text.ts'

/** Rows forgotten in one transaction. */
const FORGET_BATCH = 256

export interface UpkeepOptions {
  readonly db: Db
  readonly clock: Clock
  readonly settings: Pick<
    StoreSettings,
    'expunged_retention' | 'expunged_history_lifetime' | 'search_index' | 'search_index_message_limit'
  >
  readonly read: ReadContent
}

/** What one run did. */
export interface UpkeepReport {
  /** Expunged messages whose place was given up. */
  readonly released: number
  /** Messages of deleted mailboxes. */
  readonly emptied: number
  /** Rows of `expunged` that were forgotten. */
  readonly forgotten: number
  /** Pages that went into their neighbour. */
  readonly merged: number
  /** Messages that the search index took in. */
  readonly indexed: number
}

export class StoreUpkeep {
  readonly #db: Db
  readonly #clock: Clock
  readonly #settings: UpkeepOptions['settings']
  readonly index: SearchIndexer
  /** Where each mailbox's expunges stood when its pages were last merged. */
  readonly #merged = new Map<MailboxId, number>()

  constructor({ db, clock, settings, read }: UpkeepOptions) {
    this.#db = db
    this.#clock = clock
    this.#settings = settings
    this.index = new SearchIndexer({ db, clock, settings, read })
  }

  /** Does all there is to do, until `signal` stops it. */
  async run(signal?: AbortSignal): Promise<UpkeepReport> {
    const released = await this.#slices((tx, end) => this.#release(tx, end), signal)
    const emptied = await this.#slices((tx, end) => this.#empty(tx, end), signal)
    const forgotten = await this.#slices((tx) => this.#forget(tx), signal)
    await this.#slices((tx) => removeEmptied(tx), signal)
    const merged = await this.#merge(signal)
    const indexed = await this.index.run(signal)
    await this.index.tidy(signal)
    return { released, emptied, forgotten, merged, indexed }
  }

  async #slices(slice: (tx: Tx, end: number) => number, signal: AbortSignal | undefined): Promise<number> {
    let all = 0
    while (signal?.aborted !== true) {
      const done = await this.#db.write((tx) => slice(tx, this.#clock.monotonic() + SLICE_MS))
      if (done === 0) break
      all += done
      await othersTurn()
    }
    return all
  }

  /** Messages of the oldest expunge that is old enough. */
  #release(tx: Tx, end: number): number {
    const row = tx
      .sql('SELECT id, mailbox, released, data FROM expunged WHERE released >= 0 AND at <= ? ORDER BY at LIMIT 1')
      .get(this.#clock.now() - this.#settings.expunged_retention)
    if (row === undefined) return 0
    const [id = 0, mailbox = 0, from = 0] = row.slice(0, 3).map(Number)
    const { uid, message, length } = new Entries(row[3] as Uint8Array) // BLOB NOT NULL
    let i = from
    do {
      if (i < length) dropPlacement(tx, message[i] ?? 0, mailbox, uid[i] ?? 0)
      i++
    } while (i < length && this.#clock.monotonic() < end)
    tx.sql('UPDATE expunged SET released = ? WHERE id = ?').run(i >= length ? -1 : i, id)
    return i - from
  }

  /** A page of a deleted mailbox. */
  #empty(tx: Tx, end: number): number {
    let emptied = 0
    do {
      const row = tx
        .sql(
          `SELECT page.id, page.mailbox, page.data FROM mailbox JOIN mailbox_page AS page ON page.mailbox = mailbox.id
           WHERE mailbox.name IS NULL AND mailbox.deleted_at <= ? LIMIT 1`,
        )
        .get(this.#clock.now() - this.#settings.expunged_retention)
      if (row === undefined) break
      const { uid, message, length } = new Entries(row[2] as Uint8Array) // BLOB NOT NULL
      for (let i = 0; i < length; i++) dropPlacement(tx, message[i] ?? 0, Number(row[1]), uid[i] ?? 0)
      tx.sql('DELETE FROM mailbox_page WHERE id = ?').run(Number(row[0]))
      emptied += length
    } while (this.#clock.monotonic() < end)
    return emptied
  }

  /** History that is too old; the mailbox remembers how far back it still reaches. */
  #forget(tx: Tx): number {
    const rows = tx
      .sql('SELECT id, mailbox, mod_seq FROM expunged WHERE released < 0 AND at <= ? ORDER BY at LIMIT ?')
      .all(this.#clock.now() - this.#settings.expunged_history_lifetime, FORGET_BATCH)
    for (const [id = 0, mailbox = 0, modSeq = 0] of rows) {
      tx.sql('DELETE FROM expunged WHERE id = ?').run(id)
      tx.sql('UPDATE mailbox SET expunged_floor = max(expunged_floor, ?) WHERE id = ?').run(modSeq, mailbox)
    }
    return rows.length
  }

  /** Mailboxes that lost messages since the last look. */
  async #merge(signal: AbortSignal | undefined): Promise<number> {
    const rows = this.#db.read
      .sql('SELECT id, expunged_mod_seq FROM mailbox WHERE expunged_mod_seq > 0 AND name IS NOT NULL')
      .all()
    let merged = 0
    for (const [id, modSeq] of rows) {
      const mailbox = Number(id)
      if (this.#merged.get(mailbox) === Number(modSeq) || signal?.aborted === true) continue
      for (let uid: number | undefined = 0; uid !== undefined;) {
        const from: number = uid
        const slice = await this.#db.write((tx) => this.#mergeSlice(tx, mailbox, from))
        merged += slice.merged
        uid = slice.next
        if (uid !== undefined) await othersTurn()
      }
      this.#merged.set(mailbox, Number(modSeq))
    }
    return merged
  }

  #mergeSlice(tx: Tx, mailbox: MailboxId, from: number): { merged: number; next: number | undefined } {
    const end = this.#clock.monotonic() + SLICE_MS
    let merged = 0
    let page = pageFrom(tx, mailbox, from)
    while (page !== undefined) {
      const following = pageFrom(tx, mailbox, page.firstUid + 1)
      if (following !== undefined && page.entries.length + following.entries.length <= PAGE_ENTRIES) {
        const maxModSeq = Math.max(page.maxModSeq, following.maxModSeq)
        const entries = joinEntries([page.entries, following.entries])
        writePage(tx, following, Entries.ofLength(0), 0)
        writePage(tx, page, entries, maxModSeq)
        page = { ...page, entries, maxModSeq }
        merged++
      } else page = following
      if (page !== undefined && this.#clock.monotonic() >= end) return { merged, next: page.firstUid }
    }
    return { merged, next: undefined }
  }
}

/** The row of a deleted mailbox goes when nothing refers to it any more. */
function removeEmptied(tx: Tx): number {
  const row = tx
    .sql(
      `SELECT id FROM mailbox WHERE name IS NULL
         AND NOT EXISTS (SELECT 1 FROM mailbox_page AS page WHERE page.mailbox = mailbox.id)
         AND NOT EXISTS (SELECT 1 FROM expunged AS gone WHERE gone.mailbox = mailbox.id AND gone.released >= 0) LIMIT 1`,
    )
    .get()
  if (row === undefined) return 0
  const id = Number(row[0])
  const old = tx.sql('SELECT id FROM expunged WHERE mailbox = ? LIMIT ?').all(id, FORGET_BATCH)
  for (const [one = 0] of old) tx.sql('DELETE FROM expunged WHERE id = ?').run(one)
  if (old.length === FORGET_BATCH) return 1
  tx.sql('DELETE FROM mailbox_keywords WHERE mailbox = ?').run(id)
  tx.sql('DELETE FROM mailbox WHERE id = ?').run(id)
  return 1
}
