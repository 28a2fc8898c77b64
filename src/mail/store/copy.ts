/**
 * COPY and MOVE. A copy is a further place of the same message; only its entry is new. RFC 9051 §6.4.7, RFC 6851. In another
 * account it is a row of that account over the same content, for each has its own conversations.
 *
 * Many messages go in slices. A COPY is all or nothing (RFC 9051 §6.4.7), so its slices are noted in `copy_slice` until
 * the last one is done; failed or stopped halfway, what was copied is taken back. A MOVE stopped halfway has moved the
 * messages before and left those after, which RFC 6851 §3.3 allows.
 */
import { othersTurn } from '#src/base/mod.ts'
import type { Tx } from '../../io/db/mod.ts'
import type { AccountId } from '../accounts/mod.ts'
import { addUsage, nextModSeq, UID_MARGIN } from './account-state.ts'
import { TRYCREATE } from './append.ts'
import { announce, sliceEnd, type StoreContext } from './context.ts'
import type { Copied, MailboxId, Refusal } from './contract.ts'
import { forgetCopy, noteCopySlice, undoCopy } from './copy-slices.ts'
import { type Entries, joinEntries } from './entries.ts'
import { recordExpunge, takeOut } from './expunge.ts'
import { translation } from './keyword-translation.ts'
import { DELETED, SEEN } from './keywords.ts'
import { emptyTally, mailboxById, mailboxByName, type MailboxRow, tallyAdded } from './mailbox-rows.ts'
import { addPlacement, copyToAccount, movePlacement } from './message-rows.ts'
import { appendEntries, nextWanted } from './pages.ts'
import { Marks, privateReader } from './private-seen.ts'

/** UIDs that one command gives before it waits for the sync line (rule 6): a few commands at once stay below the margin. */
const UIDS_BEFORE_SYNC = UID_MARGIN / 8

export interface CopyJob {
  readonly account: AccountId
  readonly source: MailboxId
  /** Whose \Seen the copies have; undefined: the source's own. */
  readonly reader?: AccountId | undefined
  readonly target: CopyTarget
  /** Ascending. */
  readonly uids: Uint32Array
  readonly move: boolean
}

export interface CopyTarget {
  readonly account: AccountId
  /** Canonical name. */
  readonly name: string
  /** Who copies, where that is not the account. */
  readonly who?: AccountId | undefined
  /** Bits of flags that come along: `mayChange` of the rights there. */
  readonly mask: number
}

interface Progress {
  at: number
  target: MailboxRow | undefined
  /** Number in `copy_slice`; 0 for none. */
  copy: number
  unsynced: number
  readonly uids: (readonly [number, number])[]
}

export async function copyMessages(ctx: StoreContext, job: CopyJob): Promise<Copied | Refusal> {
  const progress: Progress = { at: 0, target: undefined, copy: 0, unsynced: 0, uids: [] }
  try {
    do {
      const given = await ctx.db.write((tx) => new CopySlice(ctx, tx, job, progress).run())
      if (given === undefined) {
        await undoCopy(ctx, progress.copy)
        return TRYCREATE
      }
      progress.at = given.next
      progress.target = given.target
      progress.copy = given.copy
      progress.uids.push(...given.uids)
      progress.unsynced += given.uids.length
      if (progress.unsynced >= UIDS_BEFORE_SYNC && progress.at < job.uids.length) {
        await ctx.db.syncWal()
        progress.unsynced = 0
      }
      if (progress.at < job.uids.length) await othersTurn()
    } while (progress.at < job.uids.length)
  } catch (error) {
    await undoCopy(ctx, progress.copy).catch(() => undefined) // what is noted is taken back at the next start
    throw error
  }
  return { uidValidity: progress.target?.uidValidity ?? 0, uids: progress.uids }
}

interface Given {
  readonly next: number
  readonly target: MailboxRow
  readonly copy: number
  readonly uids: readonly (readonly [number, number])[]
}

class CopySlice {
  readonly #ctx: StoreContext
  readonly #tx: Tx
  readonly #job: CopyJob
  readonly #progress: Progress
  readonly #crosses: boolean
  readonly #sourceMarks: Marks | undefined
  #targetMarks: Marks | undefined
  #modSeq = 0
  #targetModSeq = 0
  /** Rows of the messages in the other account. */
  readonly #rows: number[] = []

  constructor(ctx: StoreContext, tx: Tx, job: CopyJob, progress: Progress) {
    this.#ctx = ctx
    this.#tx = tx
    this.#job = job
    this.#progress = progress
    this.#crosses = job.target.account !== job.account
    this.#sourceMarks = job.reader === undefined ? undefined : new Marks(tx, job.source, job.reader)
  }

  /** undefined: the target is not there (any more). */
  run(): Given | undefined {
    const tx = this.#tx
    const { uids, move, account } = this.#job
    const target = this.#findTarget()
    if (target === undefined) return undefined
    this.#targetMarks = this.#marksIn(target)
    const source = mailboxById(tx, this.#job.source)
    const { out, next } = source?.name === undefined ? { out: [], next: uids.length } : this.#take(source, target)
    const gone = joinEntries(out)
    const pairs = gone.length === 0 || source === undefined ? [] : this.#give(source, target, gone)
    if (move && source !== undefined && gone.length > 0)
      recordExpunge(this.#ctx, tx, source, gone, this.#modSeq, !this.#crosses)
    const done = next >= uids.length
    const copy = move ? 0 : this.#note(target.id, pairs, done)
    announce(this.#ctx, tx, account)
    if (this.#crosses) announce(this.#ctx, tx, target.account)
    return { next, target, copy, uids: pairs }
  }

  #findTarget(): MailboxRow | undefined {
    const { account, name } = this.#job.target
    const known = this.#progress.target
    const row = known === undefined ? mailboxByName(this.#tx, account, name) : mailboxById(this.#tx, known.id)
    return row?.name !== undefined && row.selectable ? row : undefined
  }

  /** Where who copies has a \Seen of their own. */
  #marksIn(target: MailboxRow): Marks | undefined {
    const { who } = this.#job.target
    const reader = who === undefined ? undefined : privateReader(this.#ctx, this.#tx, target, who)
    return reader === undefined ? undefined : new Marks(this.#tx, target.id, reader)
  }

  /** The next wanted messages of the source; out of it, for MOVE. */
  #take(source: MailboxRow, target: MailboxRow): { out: Entries[]; next: number } {
    const { uids, move, account } = this.#job
    const end = sliceEnd(this.#ctx)
    const out: Entries[] = []
    let { uidNext } = target
    let next = this.#progress.at
    while (next < uids.length && this.#ctx.clock.monotonic() < end) {
      const wanted = nextWanted(this.#tx, source.id, uids, next)
      next = wanted.next
      if (wanted.page === undefined || wanted.places.length === 0) continue
      if (this.#modSeq === 0) this.#number(account)
      const taken = move
        ? takeOut(this.#tx, wanted.page, wanted.places, this.#modSeq)
        : wanted.page.entries.pick(wanted.places)
      out.push(taken)
      this.#place(taken, source.id, target, uidNext)
      uidNext += taken.length
    }
    return { out, next }
  }

  /** Each owner has their own MODSEQ. */
  #number(account: AccountId): void {
    this.#modSeq = nextModSeq(this.#tx, account)
    this.#targetModSeq = this.#crosses ? nextModSeq(this.#tx, this.#job.target.account) : this.#modSeq
  }

  /** Places of the messages in the target, with UIDs from `uidNext` on. */
  #place({ uid, message }: Entries, source: MailboxId, { id, account }: MailboxRow, uidNext: number): void {
    const tx = this.#tx
    const now = this.#ctx.clock.now()
    for (let i = 0; i < uid.length; i++) {
      const row = message[i] ?? 0
      if (this.#crosses) this.#rows.push(copyToAccount(tx, row, account, [id, uidNext + i], now))
      else if (this.#job.move) movePlacement(tx, row, [source, uid[i] ?? 0], [id, uidNext + i], now)
      else addPlacement(tx, row, id, uidNext + i, now)
    }
  }

  /** The entries in the target. */
  #give(source: MailboxRow, target: MailboxRow, taken: Entries): (readonly [number, number])[] {
    const added = taken.pick(Array.from(taken.uid, (_, i) => i))
    const translate = translation(this.#tx, source, target, this.#ctx.settings.mailbox_keyword_limit)
    const pairs: (readonly [number, number])[] = []
    const tally = emptyTally()
    for (let i = 0; i < added.length; i++) {
      const uid = target.uidNext + i
      const flags = this.#flagsIn(translate, taken.flags[i] ?? 0, taken.uid[i] ?? 0, uid)
      pairs.push([taken.uid[i] ?? 0, uid])
      added.uid[i] = uid
      added.flags[i] = flags
      added.modSeq[i] = this.#targetModSeq
      if (this.#crosses) added.message[i] = this.#rows[i] ?? 0
      if ((flags & SEEN) === 0) tally.unseen++
      if ((flags & DELETED) !== 0) tally.deleted++
      tally.octets += added.size[i] ?? 0
    }
    tally.messages = tally.recent = added.length
    this.#targetMarks?.save()
    appendEntries(this.#tx, target.id, added, this.#targetModSeq)
    tallyAdded(this.#tx, target.id, tally, this.#targetModSeq, target.uidNext + added.length)
    addUsage(this.#tx, target.account, tally.octets, tally.messages)
    return pairs
  }

  /** The flags of a copy: as who copies saw them, and as far as the rights in the target allow. */
  #flagsIn(translate: (flags: number) => number, taken: number, from: number, to: number): number {
    const seen = this.#sourceMarks === undefined ? (taken & SEEN) !== 0 : this.#sourceMarks.at(from)?.seen === true
    const flags = translate((((taken & ~SEEN) | (seen ? SEEN : 0)) & this.#job.target.mask) >>> 0)
    if (this.#targetMarks === undefined || (flags & SEEN) === 0) return flags
    this.#targetMarks.set({ uid: to, seen: true, modSeq: this.#targetModSeq })
    return (flags & ~SEEN) >>> 0
  }

  /** A COPY that needs more slices is noted; its last slice makes it good. */
  #note(target: MailboxId, pairs: readonly (readonly [number, number])[], done: boolean): number {
    const { copy } = this.#progress
    if (done) {
      if (copy > 0) forgetCopy(this.#tx, copy)
      return 0
    }
    const first = pairs[0]
    const last = pairs.at(-1)
    return first === undefined || last === undefined ? copy : noteCopySlice(this.#tx, copy, target, first[1], last[1])
  }
}
