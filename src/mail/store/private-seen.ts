/**
 * \Seen of those who read a mailbox of somebody else: each has their own, and the owner's stays as it is (RFC 9051 §2.3.2, private
 * flags). Rows of `mailbox_seen`: what was once marked, 256 UIDs in a row, with the MODSEQ of the mark, which is the next
 * one of the mailbox's owner, as for any change. What is not there is not seen. Entries go with their messages.
 *
 *     modSeq f64 × n | uid u32 × n | seen u8 × n
 */
import type { Reader, Tx } from '../../io/db/mod.ts'
import type { AccountId } from '../accounts/mod.ts'
import type { StoreContext } from './context.ts'
import type { MailboxId } from './contract.ts'
import type { MailboxRow } from './mailbox-rows.ts'
import { sumOf } from './sums.ts'

/** UIDs of one row: those that are the same but for their low octet. */
const BLOCK_BITS = 8
const MARK_OCTETS = 13

/** Cyrus's name for it, which clients know: `true`, and all who read the mailbox share one \Seen. */
export const SHARED_SEEN_ENTRY = '/shared/vendor/cmu/cyrus-imapd/sharedseen'

export interface Mark {
  readonly uid: number
  readonly seen: boolean
  readonly modSeq: number
}

const blockOf = (uid: number): number => Math.floor(uid / 2 ** BLOCK_BITS)

/** Whose \Seen a session of `who` has: undefined for the mailbox's own. */
export function privateReader(
  ctx: StoreContext,
  reader: Reader,
  row: MailboxRow,
  who: AccountId,
): AccountId | undefined {
  if (who === row.account) return undefined
  const said = reader
    .sql('SELECT value FROM annotation WHERE account = ? AND mailbox = ? AND owner = 0 AND entry = ?')
    .get(row.account, row.id, SHARED_SEEN_ENTRY)?.[0]
  const shared =
    said instanceof Uint8Array
      ? Buffer.from(said).toString('latin1').toLowerCase() === 'true'
      : ctx.settings.mailbox_shared_seen
  return shared ? undefined : who
}

/**
 * The MODSEQ as of which it was last said whose \Seen readers have; 0: never. No message has a lower one in any view, for what its
 * readers see of it may have changed then.
 */
export function seenTurnedAt(reader: Reader, { id, account }: Pick<MailboxRow, 'id' | 'account'>): number {
  const row = reader
    .sql('SELECT mod_seq FROM annotation WHERE account = ? AND mailbox = ? AND owner = 0 AND entry = ?')
    .get(account, id, SHARED_SEEN_ENTRY)
  return Number(row?.[0] ?? 0)
}

/** Marks with a MODSEQ above `since`, and those that share a row with them, by UID. */
export function marksSince(reader: Reader, mailbox: MailboxId, who: AccountId, since: number): Mark[] {
  return reader
    .sql('SELECT data FROM mailbox_seen WHERE mailbox = ? AND account = ? AND max_mod_seq > ? ORDER BY block')
    .all(mailbox, who, since)
    .flatMap(([data]) => unpack(data as Uint8Array)) // BLOB NOT NULL
}

/** The mailbox's counters as this reader sees them. */
export function rowAsSeenBy(reader: Reader, row: MailboxRow, who: AccountId | undefined): MailboxRow {
  if (who === undefined) return row
  const [seen = 0, modSeq = 0] = reader
    .sql('SELECT sum(seen), max(max_mod_seq) FROM mailbox_seen WHERE mailbox = ? AND account = ?')
    .get(row.id, who)!
    .map(Number)
  return {
    ...row,
    unseen: row.messages - seen,
    highestModSeq: Math.max(row.highestModSeq, modSeq),
    changedModSeq: Math.max(row.changedModSeq, modSeq),
  }
}

/** What one transaction changes of a reader's marks; rows are read when asked for and written by `save`. */
export class Marks {
  readonly #tx: Tx
  readonly #mailbox: MailboxId
  readonly #who: AccountId
  readonly #blocks = new Map<number, Map<number, Mark>>()
  readonly #changed = new Set<number>()

  constructor(tx: Tx, mailbox: MailboxId, who: AccountId) {
    this.#tx = tx
    this.#mailbox = mailbox
    this.#who = who
  }

  at(uid: number): Mark | undefined {
    return this.#block(blockOf(uid)).get(uid)
  }

  set(mark: Mark): void {
    const block = blockOf(mark.uid)
    this.#block(block).set(mark.uid, mark)
    this.#changed.add(block)
  }

  #block(block: number): Map<number, Mark> {
    let marks = this.#blocks.get(block)
    if (marks === undefined) {
      const row = this.#tx
        .sql('SELECT data FROM mailbox_seen WHERE mailbox = ? AND account = ? AND block = ?')
        .get(this.#mailbox, this.#who, block)
      marks = new Map(row === undefined ? [] : unpack(row[0] as Uint8Array).map((mark) => [mark.uid, mark])) // BLOB NOT NULL
      this.#blocks.set(block, marks)
    }
    return marks
  }

  save(): void {
    for (const block of this.#changed)
      writeBlock(this.#tx, this.#mailbox, this.#who, block, [...this.#block(block).values()])
    this.#changed.clear()
  }
}

/** Marks one message whose mailbox was told of it with `modSeq`. */
export function markSeen(tx: Tx, mailbox: MailboxId, who: AccountId, uid: number, modSeq: number): void {
  const marks = new Marks(tx, mailbox, who)
  marks.set({ uid, seen: true, modSeq })
  marks.save()
}

function writeBlock(tx: Tx, mailbox: MailboxId, who: AccountId, block: number, marks: readonly Mark[]): void {
  if (marks.length === 0) {
    tx.sql('DELETE FROM mailbox_seen WHERE mailbox = ? AND account = ? AND block = ?').run(mailbox, who, block)
    return
  }
  const seen = marks.reduce((count, mark) => count + (mark.seen ? 1 : 0), 0)
  const modSeq = marks.reduce((most, mark) => Math.max(most, mark.modSeq), 0)
  const data = pack(marks.toSorted((a, b) => a.uid - b.uid))
  tx.sql(
    `INSERT INTO mailbox_seen (mailbox, account, block, seen, max_mod_seq, data, sum) VALUES (?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (mailbox, account, block) DO UPDATE SET seen = excluded.seen, max_mod_seq = excluded.max_mod_seq,
       data = excluded.data, sum = excluded.sum`,
  ).run(mailbox, who, block, seen, modSeq, data, sumOf(data))
}

/** Messages left the mailbox: nobody has seen them any more. */
export function forgetMarks(tx: Tx, mailbox: MailboxId, uids: Uint32Array): void {
  if (tx.sql('SELECT 1 FROM mailbox_seen WHERE mailbox = ? LIMIT 1').get(mailbox) === undefined) return
  const gone = new Set(uids)
  for (const block of new Set(Array.from(uids, blockOf)))
    for (const [account = 0, data] of tx
      .sql('SELECT account, data FROM mailbox_seen WHERE mailbox = ? AND block = ?')
      .all(mailbox, block)) {
      const marks = unpack(data as Uint8Array) // BLOB NOT NULL
      const left = marks.filter(({ uid }) => !gone.has(uid))
      if (left.length < marks.length) writeBlock(tx, mailbox, Number(account), block, left)
    }
}

/** Of a mailbox that is deleted. */
export function removeMarks(tx: Tx, mailbox: MailboxId): void {
  tx.sql('DELETE FROM mailbox_seen WHERE mailbox = ?').run(mailbox)
}

/** Of a reader whose account is removed. */
export function removeMarksOf(tx: Tx, account: AccountId): void {
  tx.sql('DELETE FROM mailbox_seen WHERE account = ?').run(account)
}

function unpack(data: Uint8Array): Mark[] {
  const n = data.byteLength / MARK_OCTETS
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  return Array.from({ length: n }, (_, i) => ({
    modSeq: view.getFloat64(8 * i, true),
    uid: view.getUint32(8 * n + 4 * i, true),
    seen: view.getUint8(12 * n + i) !== 0,
  }))
}

function pack(marks: readonly Mark[]): Uint8Array {
  const n = marks.length
  const data = new Uint8Array(n * MARK_OCTETS)
  const view = new DataView(data.buffer)
  for (const [i, { modSeq, uid, seen }] of marks.entries()) {
    view.setFloat64(8 * i, modSeq, true)
    view.setUint32(8 * n + 4 * i, uid, true)
    view.setUint8(12 * n + i, seen ? 1 : 0)
  }
  return data
}
