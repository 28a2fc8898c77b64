/** What one session was told of its mailbox, and what it must be told next. ARCHITECTURE §5. */
import type { Delta } from './contract.ts'
import type { MailboxRow } from './mailbox-rows.ts'
import { Numbers } from './numbers.ts'
import { Recents } from './recents.ts'
import type { Told, View } from './view.ts'

/** Own changes remembered between two refreshes; older ones are announced like anyone's. */
const OWN_KEPT = 1024

export class ToldState implements Told {
  toldUidNext = 1
  toldModSeq = 0
  toldExpunges = 0
  numbers = new Numbers(0)
  recents = new Recents()
  recent = 0
  /** Expunges were held back; the session must be told when it may be. */
  pending = false
  #epoch = -1
  /** MODSEQs of this session's own flag changes since the last refresh. */
  #own: number[] = []
  /** UIDs among them that someone else had changed before, unknown to the session. */
  #owed: Set<number> | undefined

  /** Numbers as of what was told, whatever happened to the view since. */
  align(view: View): void {
    if (this.#epoch === view.epoch || (view.deleted && !view.loaded)) return
    this.#epoch = view.epoch
    const limit = view.entries.lowerBound(this.toldUidNext, view.rows)
    this.numbers = new Numbers(limit, view.goneFor(this.toldExpunges))
  }

  /** The session has another view: places are others there. */
  moved(): void {
    this.#epoch = -1
  }

  /** Own flag changes are not news. `foreign`: those that are nevertheless, for they hide another's change. */
  ownChange(modSeqs: readonly number[], foreign: readonly number[]): void {
    this.#own.push(...modSeqs)
    if (this.#own.length > OWN_KEPT) this.#own = this.#own.slice(-OWN_KEPT)
    if (foreign.length > 0) this.#owed = new Set([...(this.#owed ?? []), ...foreign])
  }

  isOwn(modSeq: number): boolean {
    return this.#own.includes(modSeq)
  }

  /** Whether the session knows the flags that a message has at this MODSEQ, or made them what they are. */
  knows(uid: number, modSeq: number): boolean {
    if (this.#owed?.has(uid) === true) return false
    return modSeq <= this.toldModSeq || this.#own.at(-1) === modSeq || this.isOwn(modSeq)
  }

  /** SELECT: everything is new. */
  begin(view: View): void {
    this.toldExpunges = view.modSeq
    this.#advance(view)
  }

  refresh(view: View, expunges: boolean): Delta {
    if (view.deleted && !view.loaded) return this.#emptied(expunges)
    this.align(view)
    const before = this.numbers
    const modSeq = this.toldModSeq
    if (expunges) this.toldExpunges = view.modSeq
    this.#advance(view)
    const gone = expunges ? newlyGone(before, this.numbers) : []
    const count = this.numbers.count
    return {
      // Each number as of the moment it is said: those before it are gone by then.
      expunged: gone.map((place, i) => before.seqAt(place) - i),
      expungedUids: gone.map((place) => view.entries.uid[place] ?? 0),
      exists: count === before.count - gone.length ? undefined : count,
      recent: this.recent,
      changed: this.#changed(view, modSeq, before),
    }
  }

  /** The session now knows the view as it is, but for expunges that may not be told. */
  #advance(view: View): void {
    this.toldModSeq = view.modSeq
    this.recents.add(Math.max(this.toldUidNext, view.recentUid), view.uidNext)
    this.toldUidNext = view.uidNext
    this.#epoch = -1
    this.align(view)
    this.pending = view.hasUntold(this.toldExpunges, this.numbers.limit)
    if (!this.pending) this.toldExpunges = view.modSeq
    this.recent = this.recents.empty ? 0 : this.recents.count(view, this.numbers)
  }

  #changed(view: View, since: number, before: Numbers): number[] {
    const seqs: number[] = []
    for (const place of view.changedSince(since)) {
      if (place >= before.limit || view.isDead(place)) continue
      const own = this.isOwn(view.entries.modSeq[place] ?? 0)
      if (!own || this.#owed?.has(view.entries.uid[place] ?? 0) === true) seqs.push(this.numbers.seqAt(place))
    }
    this.#own = []
    this.#owed = undefined
    return seqs
  }

  /**
   * Tells new mail of a view that was put away, from the counters alone; undefined where something else happened.
   * All messages that came are recent to this session, or none is.
   */
  refreshFromCounts(row: MailboxRow, recentUid: number): Delta | undefined {
    if (this.pending || row.changedModSeq > this.toldModSeq || row.expungedModSeq > this.toldExpunges) return undefined
    const claims = recentUid <= this.toldUidNext
    if (!claims && recentUid < row.uidNext) return undefined
    const before = this.numbers.count
    if (claims) {
      this.recents.add(this.toldUidNext, row.uidNext)
      this.recent += row.messages - before
    }
    this.toldUidNext = row.uidNext
    this.toldModSeq = row.highestModSeq
    this.toldExpunges = row.highestModSeq
    this.numbers = new Numbers(row.messages)
    this.#epoch = -1
    return { ...nothingNew(this.recent), exists: row.messages === before ? undefined : row.messages }
  }

  /** The mailbox was deleted and its view put away: all messages are gone, their UIDs with them. */
  #emptied(expunges: boolean): Delta {
    const { count } = this.numbers
    this.pending = !expunges && count > 0
    if (!expunges || count === 0) return nothingNew(this.recent)
    this.numbers = new Numbers(0)
    this.recents = new Recents()
    this.recent = 0
    return { ...nothingNew(0), expunged: Array.from({ length: count }, () => 1) }
  }
}

export function nothingNew(recent: number): Delta {
  return { expunged: [], expungedUids: [], exists: undefined, recent, changed: [] }
}

/** Places that the session counted and counts no more, ascending. */
function newlyGone(before: Numbers, after: Numbers): number[] {
  const gone: number[] = []
  let k = 0
  for (const place of after.gone) {
    if (place >= before.limit) break
    while (k < before.gone.length && (before.gone[k] ?? 0) < place) k++
    if (before.gone[k] !== place) gone.push(place)
  }
  return gone
}
