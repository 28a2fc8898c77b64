/** EXPUNGE: messages with \Deleted leave the mailbox, page by page in slices. RFC 9051 §6.4.3, RFC 4315 §2.1. */
import { othersTurn } from '#src/base/mod.ts'
import type { Reader, Tx } from '../../io/db/mod.ts'
import type { AccountId } from '../accounts/mod.ts'
import { addUsage, nextModSeq } from './account-state.ts'
import { announce, sliceEnd, type StoreContext } from './context.ts'
import type { MailboxId } from './contract.ts'
import { type Entries, joinEntries } from './entries.ts'
import { addExpunged } from './expunged.ts'
import { DELETED, SEEN } from './keywords.ts'
import { emptyTally, mailboxById, type MailboxRow, tallyChange } from './mailbox-rows.ts'
import { forgetMarks } from './private-seen.ts'
import { nextWanted, type Page, pageFrom, writePage } from './pages.ts'

/** Messages of one slice: their history is one row. */
const SLICE_ENTRIES = 16_384

/** Stopped anywhere, the messages before are gone and those after untouched. Content goes with upkeep. */
export async function expungeDeleted(
  ctx: StoreContext,
  account: AccountId,
  mailbox: MailboxId,
  uids: { has(uid: number): boolean } | undefined,
): Promise<void> {
  for (let uid: number | undefined = 0; uid !== undefined;) {
    const from: number = uid
    uid = await ctx.db.write((tx) => expungeSlice(ctx, tx, { account, mailbox, uids, from }))
    if (uid !== undefined) await othersTurn()
  }
}

interface ExpungeJob {
  readonly account: AccountId
  readonly mailbox: MailboxId
  readonly uids: { has(uid: number): boolean } | undefined
  /** Pages that begin below this UID are done. */
  readonly from: number
}

/** Answers the first UID of the next slice; undefined at the end. */
function expungeSlice(ctx: StoreContext, tx: Tx, job: ExpungeJob): number | undefined {
  const row = mailboxById(tx, job.mailbox)
  if (row?.name === undefined) return undefined
  const end = sliceEnd(ctx)
  const gone: Entries[] = []
  let left = row.deleted // nothing to look for once all were seen
  let uid = job.from
  let modSeq = 0
  let taken = 0
  while (left > 0 && taken < SLICE_ENTRIES && ctx.clock.monotonic() < end) {
    const page = pageFrom(tx, job.mailbox, uid)
    if (page === undefined) {
      left = 0
      break
    }
    uid = page.firstUid + 1
    const { out, deleted } = deletedIn(page, job.uids)
    left -= deleted
    if (out.length === 0) continue
    if (modSeq === 0) modSeq = nextModSeq(tx, job.account)
    gone.push(takeOut(tx, page, out, modSeq))
    taken += out.length
  }
  if (gone.length > 0) recordExpunge(ctx, tx, row, joinEntries(gone), modSeq, false)
  return left > 0 ? uid : undefined
}

function deletedIn({ entries }: Page, uids: ExpungeJob['uids']): { out: number[]; deleted: number } {
  const out: number[] = []
  let deleted = 0
  const { flags, uid, length } = entries
  for (let i = 0; i < length; i++) {
    if (((flags[i] ?? 0) & DELETED) === 0) continue
    deleted++
    if (uids === undefined || uids.has(uid[i] ?? 0)) out.push(i)
  }
  return { out, deleted }
}

export function hasMessage(reader: Reader, mailbox: MailboxId, uid: number): boolean {
  return mailboxById(reader, mailbox)?.name !== undefined && nextWanted(reader, mailbox, [uid], 0).places.length > 0
}

/** One message leaves, whatever its flags (RFC 8508). */
export function removeMessage(ctx: StoreContext, tx: Tx, mailbox: MailboxId, uid: number): void {
  const account = mailboxById(tx, mailbox)?.account
  if (account === undefined) return
  const modSeq = nextModSeq(tx, account)
  const row = mailboxById(tx, mailbox) // as it stands once what was deposited is written
  const { page, places } = nextWanted(tx, mailbox, [uid], 0)
  if (row === undefined || page === undefined || places.length === 0) return
  recordExpunge(ctx, tx, row, takeOut(tx, page, places, modSeq), modSeq, false)
}

/** Takes entries (places, ascending) out of a page. The page's MODSEQ rises: it changed. */
export function takeOut(tx: Tx, page: Page, out: readonly number[], modSeq: number): Entries {
  const { entries } = page
  if (out.length === entries.length) {
    writePage(tx, page, entries.pick([]), modSeq)
    return entries
  }
  const stay: number[] = []
  for (let i = 0, k = 0; i < entries.length; i++) {
    if (out[k] === i) k++
    else stay.push(i)
  }
  writePage(tx, page, entries.pick(stay), modSeq)
  return entries.pick(out)
}

/** Counters, history and feed of messages that left. */
export function recordExpunge(
  ctx: StoreContext,
  tx: Tx,
  row: MailboxRow,
  gone: Entries,
  modSeq: number,
  moved: boolean,
): void {
  const tally = emptyTally()
  for (let i = 0; i < gone.length; i++) {
    const flags = gone.flags[i] ?? 0
    if ((flags & SEEN) === 0) tally.unseen--
    if ((flags & DELETED) !== 0) tally.deleted--
    if ((gone.uid[i] ?? 0) >= row.recentUid) tally.recent--
    tally.octets -= gone.size[i] ?? 0
  }
  tally.messages = -gone.length
  forgetMarks(tx, row.id, gone.uid)
  addExpunged(tx, row.id, modSeq, ctx.clock.now(), gone, moved)
  tallyChange(tx, row.id, 'expunged', tally, modSeq)
  addUsage(tx, row.account, tally.octets, tally.messages)
  announce(ctx, tx, row.account)
}
