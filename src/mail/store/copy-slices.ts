/** Rows of `copy_slice`: copies under way, and how they are taken back. */
import { othersTurn } from '#src/base/mod.ts'
import type { Tx } from '../../io/db/mod.ts'
import { nextModSeq } from './account-state.ts'
import { sliceEnd, type StoreContext } from './context.ts'
import type { MailboxId } from './contract.ts'
import { type Entries, joinEntries } from './entries.ts'
import { recordExpunge, takeOut } from './expunge.ts'
import { mailboxById } from './mailbox-rows.ts'
import { nextWanted } from './pages.ts'

/** @param copy 0 for a copy that has no number yet @returns its number */
export function noteCopySlice(tx: Tx, copy: number, mailbox: MailboxId, firstUid: number, lastUid: number): number {
  const number = copy > 0 ? copy : Number(tx.sql('SELECT coalesce(max(copy), 0) + 1 FROM copy_slice').get()?.[0])
  tx.sql('INSERT INTO copy_slice (copy, mailbox, first_uid, last_uid) VALUES (?, ?, ?, ?)').run(
    number,
    mailbox,
    firstUid,
    lastUid,
  )
  return number
}

export function forgetCopy(tx: Tx, copy: number): void {
  tx.sql('DELETE FROM copy_slice WHERE copy = ?').run(copy)
}

/** Takes back what a COPY copied. Nothing to do for number 0. */
export async function undoCopy(ctx: StoreContext, copy: number): Promise<void> {
  for (let more = copy > 0; more;) {
    more = await ctx.db.write((tx) => undoSlice(ctx, tx, copy))
    if (more) await othersTurn()
  }
}

/** At the start, before anyone else writes: COPY commands that a stop cut short are taken back. */
export async function undoCopies(ctx: StoreContext): Promise<number> {
  const copies = ctx.db.read.sql('SELECT DISTINCT copy FROM copy_slice').all()
  for (const [copy] of copies) await undoCopy(ctx, Number(copy))
  return copies.length
}

function undoSlice(ctx: StoreContext, tx: Tx, copy: number): boolean {
  const slice = tx.sql('SELECT mailbox, first_uid, last_uid FROM copy_slice WHERE copy = ? LIMIT 1').get(copy)
  if (slice === undefined) return false
  const [mailbox = 0, first = 0, last = 0] = slice.map(Number)
  const row = mailboxById(tx, mailbox)
  const uids = Array.from({ length: last - first + 1 }, (_, i) => first + i)
  const end = sliceEnd(ctx)
  const out: Entries[] = []
  let next = row?.name === undefined ? uids.length : 0
  const modSeq = row?.name === undefined ? 0 : nextModSeq(tx, row.account)
  while (next < uids.length && ctx.clock.monotonic() < end) {
    const wanted = nextWanted(tx, mailbox, uids, next)
    next = wanted.next
    if (wanted.page !== undefined && wanted.places.length > 0) out.push(takeOut(tx, wanted.page, wanted.places, modSeq))
  }
  if (row !== undefined && out.length > 0) recordExpunge(ctx, tx, row, joinEntries(out), modSeq, false)
  if (next >= uids.length) tx.sql('DELETE FROM copy_slice WHERE copy = ? AND first_uid = ?').run(copy, first)
  return true
}
