/** STORE: flag commands on many messages, page by page in slices. RFC 9051 §6.4.6, RFC 7162 §3.1.3. */
import { othersTurn } from '#src/base/mod.ts'
import type { Rights } from '../../formats/imap/mod.ts'
import type { Tx } from '../../io/db/mod.ts'
import type { AccountId } from '../accounts/mod.ts'
import { nextModSeq } from './account-state.ts'
import { announce, sliceEnd, type StoreContext } from './context.ts'
import type { FlagOperation, MailboxId, Refusal } from './contract.ts'
import { readDictionary, saveDictionary } from './dictionaries.ts'
import type { Entries } from './entries.ts'
import { DELETED, type Dictionary, KeywordLimitError, SEEN, SYSTEM_BITS, systemBit } from './keywords.ts'
import { emptyTally, mailboxById, type Tally, tallyChange } from './mailbox-rows.ts'
import { nextWanted, writePage } from './pages.ts'
import { Marks, seenTurnedAt } from './private-seen.ts'

export interface FlagJob {
  readonly account: AccountId
  readonly mailbox: MailboxId
  /** Ascending. */
  readonly uids: Uint32Array
  readonly operation: FlagOperation
  readonly flags: readonly string[]
  /** Bits that may change: `mayChange` of the rights. */
  readonly mask: number
  /** Whose \Seen it is about; undefined: the mailbox's. */
  readonly reader: AccountId | undefined
  readonly unchangedSince: number | undefined
  /** Whether the session does not know of a change with this MODSEQ. */
  readonly isForeign: (modSeq: number) => boolean
}

export interface FlagResult {
  /** UIDs that were not touched, for they changed after `unchangedSince`. */
  readonly modified: number[]
  /** MODSEQs given, one a slice. */
  readonly modSeqs: number[]
  /** UIDs among those named that held a change unknown to the session. */
  readonly foreign: number[]
  refused: Refusal | undefined
}

/** Each slice is whole by itself: stopped anywhere, the flags of the messages before are as asked, those after as they were. */
export async function storeFlagsOn(ctx: StoreContext, job: FlagJob): Promise<FlagResult> {
  const result: FlagResult = { modified: [], modSeqs: [], foreign: [], refused: undefined }
  try {
    for (let at = 0; at < job.uids.length;) {
      at = await ctx.db.write((tx) => new FlagSlice(ctx, tx, job, result).run(at))
      if (at < job.uids.length) await othersTurn()
    }
  } catch (error) {
    if (!(error instanceof KeywordLimitError)) throw error
    result.refused = { refused: 'LIMIT', text: error.message }
  }
  return result
}

class FlagSlice {
  readonly #ctx: StoreContext
  readonly #tx: Tx
  readonly #job: FlagJob
  readonly #result: FlagResult
  readonly #tally: Tally = emptyTally()
  readonly #marks: Marks | undefined
  #written = false
  #turnedAt = 0
  #modSeq = 0

  constructor(ctx: StoreContext, tx: Tx, job: FlagJob, result: FlagResult) {
    this.#ctx = ctx
    this.#tx = tx
    this.#job = job
    this.#result = result
    this.#marks = job.reader === undefined ? undefined : new Marks(tx, job.mailbox, job.reader)
  }

  /** From the UID at place `at`; answers the place where the next slice begins. */
  run(at: number): number {
    const { mailbox, uids, operation, flags, account } = this.#job
    const row = mailboxById(this.#tx, mailbox)
    if (row?.name === undefined) return uids.length
    this.#turnedAt = seenTurnedAt(this.#tx, row)
    const dictionary = readDictionary(this.#tx, mailbox, row.keywordVersion)
    const asked = dictionary.encode(flags, this.#ctx.settings.mailbox_keyword_limit)
    const change = flagChange(dictionary, operation, asked)
    const end = sliceEnd(this.#ctx)
    let next = at
    const allowed = within(change, this.#job.mask)
    do next = this.#page(next, allowed)
    while (next < uids.length && this.#ctx.clock.monotonic() < end)
    if (this.#modSeq > 0) {
      saveDictionary(this.#tx, mailbox, dictionary)
      this.#marks?.save()
      if (this.#written) tallyChange(this.#tx, mailbox, 'changed', this.#tally, this.#modSeq)
      this.#result.modSeqs.push(this.#modSeq)
      announce(this.#ctx, this.#tx, account)
    }
    return next
  }

  /** All wanted UIDs of one page. */
  #page(at: number, change: (flags: number) => number): number {
    const { mailbox, uids } = this.#job
    const { page, places, next } = nextWanted(this.#tx, mailbox, uids, at)
    if (page === undefined) return next
    let written = false
    for (const place of places) if (this.#apply(page.entries, place, change)) written = true
    if (written) writePage(this.#tx, page, page.entries, Math.max(this.#modSeq, page.maxModSeq))
    this.#written ||= written
    return next
  }

  /** Whether the entry of the page changed. */
  #apply({ uid, flags, modSeq }: Entries, i: number, change: (flags: number) => number): boolean {
    const { unchangedSince, isForeign } = this.#job
    const shared = flags[i] ?? 0
    const mark = this.#marks?.at(uid[i] ?? 0)
    const before = this.#marks === undefined ? shared : withSeen(shared, mark?.seen === true)
    const changed = Math.max(modSeq[i] ?? 0, mark?.modSeq ?? 0, this.#turnedAt)
    if (unchangedSince !== undefined && changed > unchangedSince) {
      this.#result.modified.push(uid[i] ?? 0)
      return false
    }
    const after = change(before)
    if (isForeign(changed)) this.#result.foreign.push(uid[i] ?? 0)
    if (after === before) return false
    if (this.#modSeq === 0) this.#modSeq = nextModSeq(this.#tx, this.#job.account)
    if (seenOf(after) !== seenOf(before))
      this.#marks?.set({ uid: uid[i] ?? 0, seen: seenOf(after) !== 0, modSeq: this.#modSeq })
    const kept = this.#marks === undefined ? after : withSeen(after, seenOf(shared) !== 0)
    if (kept === shared) return false
    flags[i] = kept
    modSeq[i] = this.#modSeq
    this.#tally.unseen += seenOf(shared) - seenOf(kept)
    this.#tally.deleted += deletedOf(kept) - deletedOf(shared)
    return true
  }
}

const seenOf = (flags: number): number => flags & SEEN
const deletedOf = (flags: number): number => (flags & DELETED ? 1 : 0)
const withSeen = (flags: number, seen: boolean): number => (seen ? flags | SEEN : flags & ~SEEN) >>> 0

/** Bits of flags that rights allow to set and take away. RFC 4314 §4. */
export function mayChange(rights: Rights): number {
  const system = (rights.includes('s') ? SEEN : 0) | (rights.includes('t') ? DELETED : 0)
  return rights.includes('w') ? (~(SEEN | DELETED) | system) >>> 0 : system
}

export function mayChangeFlag(rights: Rights, flag: string): boolean {
  const bit = systemBit(flag)
  return rights.includes(bit === SEEN ? 's' : bit === DELETED ? 't' : 'w')
}

/** Every bit. */
export const ANY_FLAG = 0xffff_ffff

function within(change: (flags: number) => number, mask: number): (flags: number) => number {
  return mask === ANY_FLAG ? change : (flags) => ((change(flags) & mask) | (flags & ~mask)) >>> 0
}

/** What a command makes of a message's flags. Keyword sets are worked out once each. */
function flagChange(dictionary: Dictionary, operation: FlagOperation, asked: number): (flags: number) => number {
  if (operation === 'replace') return () => asked
  const bits = asked & SYSTEM_BITS
  const set = asked >>> 8
  const system = operation === 'add' ? (flags: number) => flags | bits : (flags: number) => flags & ~bits
  if (set === 0) return (flags) => system(flags) >>> 0
  const sets = new Map<number, number>()
  return (flags) => {
    const had = flags >>> 8
    let has = sets.get(had)
    if (has === undefined) {
      has = operation === 'add' ? dictionary.joinSets(had, set) : dictionary.withoutSet(had, set)
      sets.set(had, has)
    }
    return ((system(flags) & 0xff) | (has << 8)) >>> 0
  }
}
