/** Rows of `mailbox_page`. A page covers the UIDs from its first_uid up to the next page's; UIDs only rise. */
import type { Reader, SqlValue, Tx } from '../../io/db/mod.ts'
import type { MailboxId } from './contract.ts'
import { Entries, lowerBound, PAGE_ENTRIES } from './entries.ts'
import { DELETED } from './keywords.ts'
import { sumOf } from './sums.ts'

export interface Page {
  readonly id: number
  readonly firstUid: number
  readonly maxModSeq: number
  readonly entries: Entries
}

const COLUMNS = 'id, first_uid, max_modseq, data'
const HOLDING = `SELECT ${COLUMNS} FROM mailbox_page WHERE mailbox = ? AND first_uid <= ? ORDER BY first_uid DESC LIMIT 1`
const FROM = `SELECT ${COLUMNS} FROM mailbox_page WHERE mailbox = ? AND first_uid >= ? ORDER BY first_uid LIMIT ?`
const NEWER = 'SELECT id, first_uid FROM mailbox_page WHERE mailbox = ? AND max_modseq > ?'
const BY_ID = `SELECT ${COLUMNS} FROM mailbox_page WHERE id = ?`
const INSERT = 'INSERT INTO mailbox_page (mailbox, first_uid, n, max_modseq, data, sum) VALUES (?, ?, ?, ?, ?, ?)'
const UPDATE = 'UPDATE mailbox_page SET n = ?, max_modseq = ?, data = ?, sum = ? WHERE id = ?'

function fromRow(row: SqlValue[]): Page {
  const [id, firstUid, maxModSeq, data] = row
  return {
    id: Number(id),
    firstUid: Number(firstUid),
    maxModSeq: Number(maxModSeq),
    entries: new Entries(data as Uint8Array), // a BLOB NOT NULL column
  }
}

/** The page that holds `uid`, or would: the last one that begins at or below it. */
export function pageHolding(reader: Reader, mailbox: MailboxId, uid: number): Page | undefined {
  const row = reader.sql(HOLDING).get(mailbox, uid)
  return row === undefined ? undefined : fromRow(row)
}

/** The first page that begins at `uid` or above. */
export function pageFrom(reader: Reader, mailbox: MailboxId, uid: number): Page | undefined {
  const row = reader.sql(FROM).get(mailbox, uid, 1)
  return row === undefined ? undefined : fromRow(row)
}

/** Pages in UID order, from one that begins at `uid` or above, at most `limit`. */
export function pagesFrom(reader: Reader, mailbox: MailboxId, uid: number, limit: number): Page[] {
  return reader.sql(FROM).all(mailbox, uid, limit).map(fromRow)
}

/** Wanted messages of one page. */
export interface Wanted {
  /** undefined: none of the next ones is there. */
  readonly page: Page | undefined
  /** Places in the page, ascending. */
  readonly places: readonly number[]
  /** Where to go on among the wanted UIDs. */
  readonly next: number
}

/** The page with the wanted UID at place `at` (ascending), and all the others wanted of that page. */
export function nextWanted(reader: Reader, mailbox: MailboxId, uids: ArrayLike<number>, at: number): Wanted {
  const first = uids[at] ?? 0
  const page = pageHolding(reader, mailbox, first)
  const uid = page?.entries.uid ?? []
  if (page === undefined || first > (uid[uid.length - 1] ?? 0)) {
    const following = pageFrom(reader, mailbox, first)
    const next = following === undefined ? uids.length : lowerBound(uids, following.firstUid)
    return { page: undefined, places: [], next: Math.max(next, at + 1) }
  }
  const places: number[] = []
  let next = at
  for (let i = page.entries.lowerBound(first); next < uids.length && i < uid.length;) {
    const wanted = uids[next] ?? 0
    const found = uid[i] ?? 0
    if (found === wanted) places.push(i)
    if (found < wanted) i++
    else next++
  }
  return { page, places, next }
}

/** Pages with something newer than `modSeq`, in UID order, one at a time: they may be all of a large mailbox. */
export function* pagesNewerThan(reader: Reader, mailbox: MailboxId, modSeq: number): Generator<Page> {
  const found = reader.sql(NEWER).all(mailbox, modSeq)
  found.sort((a, b) => Number(a[1]) - Number(b[1]))
  for (const [id = 0] of found) {
    const row = reader.sql(BY_ID).get(id)
    if (row !== undefined) yield fromRow(row)
  }
}

/** Writes a page back; one without entries goes. */
export function writePage(tx: Tx, page: Page, entries: Entries, maxModSeq: number): void {
  if (entries.length === 0) tx.sql('DELETE FROM mailbox_page WHERE id = ?').run(page.id)
  else tx.sql(UPDATE).run(entries.length, maxModSeq, entries.octets, sumOf(entries.octets), page.id)
}

/** Appends messages whose UIDs are above all others of the mailbox: to the last page while it has room, then to new ones. */
export function appendEntries(tx: Tx, mailbox: MailboxId, more: Entries, modSeq: number): void {
  let from = 0
  const last = pageHolding(tx, mailbox, 0xffff_ffff)
  const room = last === undefined ? 0 : PAGE_ENTRIES - last.entries.length
  if (last !== undefined && room > 0) {
    from = Math.min(room, more.length)
    const entries = Entries.ofLength(last.entries.length + from)
    entries.copy(0, last.entries)
    entries.copy(last.entries.length, more, 0, from)
    writePage(tx, last, entries, modSeq)
  }
  for (; from < more.length; from += PAGE_ENTRIES) {
    const entries = Entries.ofLength(Math.min(PAGE_ENTRIES, more.length - from))
    entries.copy(0, more, from, from + entries.length)
    tx.sql(INSERT).run(mailbox, entries.uid[0] ?? 0, entries.length, modSeq, entries.octets, sumOf(entries.octets))
  }
}

/** Octets of the messages that EXPUNGE would remove (RFC 9208 §4.1.4). */
export function deletedOctets(reader: Reader, mailbox: MailboxId): number {
  let octets = 0
  for (
    let page = pageFrom(reader, mailbox, 0);
    page !== undefined;
    page = pageFrom(reader, mailbox, page.firstUid + 1)
  ) {
    const { entries } = page
    for (let i = 0; i < entries.length; i++)
      if (((entries.flags[i] ?? 0) & DELETED) !== 0) octets += entries.size[i] ?? 0
  }
  return octets
}
