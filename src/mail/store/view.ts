/**
 * A mailbox in memory, shared by all sessions of a thread that have it selected: the newest state that was pulled.
 * What a session was told is the session's own (told UIDNEXT, told expunges); rows of expunged messages stay here until
 * every session was told of them, so sequence numbers keep. What arrives has higher UIDs than all before, so rows are
 * only appended, changed in place, and taken out when nobody counts them any more (then `epoch` rises).
 *
 * Pulling is exact whenever it happens: rows come from pages with a newer MODSEQ, expunges from `expunged`, in one
 * snapshot of the database. A view can be put away at any time and loaded again as of what its sessions were told.
 *
 * Somebody with a \Seen of their own (private-seen.ts) has a view of their own: the same rows, with that \Seen and its MODSEQs.
 */
import type { Reader } from '../../io/db/mod.ts'
import type { AccountId } from '../accounts/mod.ts'
import type { MailboxId } from './contract.ts'
import { Entries, ENTRY_OCTETS, joinEntries, lowerBound } from './entries.ts'
import { type Expunged, expungedSince } from './expunged.ts'
import { Dictionary, SEEN } from './keywords.ts'
import type { MailboxRow } from './mailbox-rows.ts'
import { type Mark, marksSince, seenTurnedAt } from './private-seen.ts'
import { type Page, pagesFrom, pagesNewerThan } from './pages.ts'
import { ChangeLog } from './change-log.ts'

/** What a view asks of a session that has it: expunges up to this MODSEQ were told. */
export interface Told {
  readonly toldExpunges: number
}

/** The view was put away, and what its session was told is older than what is remembered of expunges. */
export class ViewLostError extends Error {}

const EMPTY = Entries.ofLength(0)

/** Pages read at once. */
const PAGE_BATCH = 64

export class View {
  readonly mailbox: MailboxId
  readonly account: AccountId
  /** Whose \Seen it shows; undefined: the mailbox's. */
  readonly reader: AccountId | undefined
  readonly sessions = new Set<Told>()
  readonly changes = new ChangeLog()
  loaded = false
  /** Whether the mailbox was deleted: everything in it is expunged. */
  deleted = false
  entries = EMPTY
  /** Rows of `entries` in use. */
  rows = 0
  uidNext = 1
  modSeq = 0
  /** Messages from this UID on were shown as \Recent to no session. */
  recentUid = 1
  dictionary = Dictionary.empty()
  /** Rises when places of rows change. */
  epoch = 0
  /** The feed's counter as of the last pull. */
  seen = -1
  /** Places of expunged rows, ascending, and the MODSEQ of each expunge. */
  #dead: number[] = []
  #deadModSeq: number[] = []
  #gone: { readonly told: number; readonly dead: number[]; readonly places: Int32Array } | undefined

  constructor(mailbox: MailboxId, account: AccountId, reader?: AccountId) {
    this.mailbox = mailbox
    this.account = account
    this.reader = reader
  }

  get memoryOctets(): number {
    return this.entries.length * ENTRY_OCTETS + this.#dead.length * 16 + this.changes.length * 16
  }

  /** Forgets everything but its sessions. */
  putAway(): void {
    this.loaded = false
    this.entries = EMPTY
    this.rows = 0
    this.#dead = []
    this.#deadModSeq = []
    this.#gone = undefined
    this.changes.reset(0)
    this.epoch++
  }

  /** Reads the mailbox, with the expunged rows that some session still counts. In a snapshot with `row`. */
  load(reader: Reader, row: MailboxRow): void {
    let told = row.highestModSeq
    for (const session of this.sessions) told = Math.min(told, session.toldExpunges)
    if (told < row.expungedFloor) throw new ViewLostError(`Expunges before ${row.expungedFloor} are forgotten`)
    const gone = row.expungedModSeq > told ? expungedSince(reader, row.id, told) : []
    this.entries = EMPTY
    this.rows = 0
    this.#dead = []
    this.#deadModSeq = []
    this.#gone = undefined
    this.changes.reset(row.highestModSeq)
    this.#reserve(row.messages)
    if (gone.length === 0)
      for (const { entries } of allPages(reader, row.id)) this.#appendRows(entries, 0, entries.length)
    else this.#append(joinEntries([...allPages(reader, row.id)].map((page) => page.entries)), gone)
    this.#mark(this.#marksSince(reader, 0))
    this.#raise(seenTurnedAt(reader, row))
    this.#take(row)
    this.loaded = true
    this.epoch++
  }

  /** Takes in what was committed since. In a snapshot with `row`. */
  pull(reader: Reader, row: MailboxRow): void {
    if (row.highestModSeq > this.modSeq) {
      if (seenTurnedAt(reader, row) > this.modSeq) return this.load(reader, row)
      this.#compact()
      const arrived: Entries[] = []
      for (const page of pagesNewerThan(reader, row.id, this.modSeq)) {
        this.#update(page)
        if ((page.entries.uid.at(-1) ?? 0) >= this.uidNext) arrived.push(from(page.entries, this.uidNext))
      }
      const gone = row.expungedModSeq > this.modSeq ? expungedSince(reader, row.id, this.modSeq) : []
      const marks = this.#marksSince(reader, this.modSeq)
      for (const { uid } of marks) if (uid < this.uidNext) this.changes.add(uid)
      this.changes.close(row.highestModSeq)
      this.#bury(gone)
      this.#append(
        joinEntries(arrived),
        gone.map(({ modSeq, entries }) => ({ modSeq, entries: from(entries, this.uidNext) })),
      )
      this.#mark(marks)
    }
    this.#take(row)
  }

  /** The mailbox was deleted: nothing of it is left. */
  bury(modSeq: number): void {
    this.deleted = true
    if (!this.loaded) return
    this.modSeq = Math.max(modSeq, this.modSeq)
    this.#bury([{ modSeq: this.modSeq, entries: from(this.entries, 0, this.rows) }])
  }

  #take(row: MailboxRow): void {
    this.modSeq = row.highestModSeq
    this.uidNext = row.uidNext
    this.recentUid = Math.max(this.recentUid, row.recentUid)
  }

  /** Flags of known rows that changed. */
  #update({ entries }: Page): void {
    let place = this.entries.lowerBound(entries.uid[0] ?? 0, this.rows)
    const { uid, modSeq, flags } = this.entries
    for (let i = 0; i < entries.length; i++) {
      const changed = entries.modSeq[i] ?? 0
      if (changed <= this.modSeq) continue
      const wanted = entries.uid[i] ?? 0
      if (wanted >= this.uidNext) return
      while (place < this.rows && (uid[place] ?? 0) < wanted) place++
      if (place >= this.rows || uid[place] !== wanted) continue
      const now = this.#withOwnSeen(entries.flags[i] ?? 0, flags[place] ?? 0)
      // What only the owner sees of \Seen is no news here.
      if (this.reader === undefined || now !== flags[place]) this.changes.add(wanted)
      flags[place] = now
      modSeq[place] = changed
    }
  }

  #withOwnSeen(flags: number, before: number): number {
    return this.reader === undefined ? flags : ((flags & ~SEEN) | (before & SEEN)) >>> 0
  }

  #marksSince(reader: Reader, modSeq: number): Mark[] {
    if (this.reader === undefined) return []
    return marksSince(reader, this.mailbox, this.reader, modSeq).filter((mark) => mark.modSeq > modSeq)
  }

  /** The reader's own \Seen. */
  #mark(marks: readonly Mark[]): void {
    const { uid, modSeq, flags } = this.entries
    for (const mark of marks) {
      const place = this.entries.lowerBound(mark.uid, this.rows)
      if (place >= this.rows || uid[place] !== mark.uid) continue
      flags[place] = (((flags[place] ?? 0) & ~SEEN) | (mark.seen ? SEEN : 0)) >>> 0
      modSeq[place] = Math.max(modSeq[place] ?? 0, mark.modSeq)
    }
  }

  /** No message has a lower MODSEQ. */
  #raise(to: number): void {
    const { modSeq } = this.entries
    for (let place = 0; to > 0 && place < this.rows; place++) modSeq[place] = Math.max(modSeq[place] ?? 0, to)
  }

  /** Appends new rows: messages that are there, and those that came and went since, which some session may count. */
  #append(live: Entries, gone: readonly Expunged[]): void {
    const flat = gone.flatMap(({ modSeq, entries }) =>
      Array.from({ length: entries.length }, (_, i) => ({ modSeq, entries, i })),
    )
    this.#gone = undefined
    flat.sort((a, b) => (a.entries.uid[a.i] ?? 0) - (b.entries.uid[b.i] ?? 0))
    this.#reserve(this.rows + live.length + flat.length)
    let taken = 0
    for (const { modSeq, entries, i } of flat) {
      const until = live.lowerBound(entries.uid[i] ?? 0)
      this.#appendRows(live, taken, until)
      taken = until
      this.#dead.push(this.rows)
      this.#deadModSeq.push(modSeq)
      this.entries.copyOne(this.rows, entries, i)
      this.entries.flags[this.rows] = this.#withOwnSeen(entries.flags[i] ?? 0, 0)
      this.rows++
    }
    this.#appendRows(live, taken, live.length)
  }

  #appendRows(rows: Entries, start: number, end: number): void {
    if (start === end) return
    this.entries.copy(this.rows, rows, start, end)
    const { flags } = this.entries
    if (this.reader !== undefined)
      for (let place = this.rows; place < this.rows + end - start; place++)
        flags[place] = this.#withOwnSeen(flags[place] ?? 0, 0)
    this.rows += end - start
  }

  #reserve(rows: number): void {
    if (rows <= this.entries.length) return
    // The first load takes what it needs; a mailbox that grows under the eyes of a session takes some more each time.
    const entries = Entries.ofLength(this.rows === 0 ? rows : rows + 64 + (rows >>> 3))
    entries.copy(0, this.entries, 0, this.rows)
    this.entries = entries
  }

  /** Marks known rows as expunged. */
  #bury(gone: readonly Expunged[]): void {
    if (gone.length === 0) return
    const marks = new Map(this.#dead.map((place, i) => [place, this.#deadModSeq[i] ?? 0]))
    for (const { entries, modSeq } of gone) {
      for (const uid of entries.uid) {
        const place = this.entries.lowerBound(uid, this.rows)
        if (place < this.rows && this.entries.uid[place] === uid && !marks.has(place)) marks.set(place, modSeq)
      }
    }
    this.#dead = [...marks.keys()].sort((a, b) => a - b)
    this.#deadModSeq = this.#dead.map((place) => marks.get(place) ?? 0)
  }

  /** Takes out the expunged rows that no session counts any more. */
  #compact(): void {
    if (this.#dead.length === 0) return
    let told = Number.POSITIVE_INFINITY
    for (const session of this.sessions) told = Math.min(told, session.toldExpunges)
    const kept: number[] = []
    const keptModSeq: number[] = []
    let to = -1
    for (let i = 0; i < this.#dead.length; i++) {
      const place = this.#dead[i] ?? 0
      const until = this.#dead[i + 1] ?? this.rows
      const stays = (this.#deadModSeq[i] ?? 0) > told
      if (to < 0 && !stays) to = place
      if (stays) {
        kept.push(to < 0 ? place : to)
        keptModSeq.push(this.#deadModSeq[i] ?? 0)
      }
      if (to < 0) continue
      for (let from = stays ? place : place + 1; from < until; from++) this.entries.copyOne(to++, this.entries, from)
    }
    if (to < 0) return
    this.rows = to
    this.#dead = kept
    this.#deadModSeq = keptModSeq
    this.epoch++
  }

  /** Places of rows that are gone for a session that was told expunges up to `told`; shared by all who were told as much. */
  goneFor(told: number): Int32Array {
    if (this.#gone === undefined || this.#gone.told !== told || this.#gone.dead !== this.#dead) {
      const places = Int32Array.from(this.#dead.filter((_, i) => (this.#deadModSeq[i] ?? 0) <= told))
      this.#gone = { told, dead: this.#dead, places }
    }
    return this.#gone.places
  }

  /** Whether some row below `limit` was expunged later than `told`. */
  hasUntold(told: number, limit: number): boolean {
    return this.#dead.some((place, i) => place < limit && (this.#deadModSeq[i] ?? 0) > told)
  }

  /** Those of these UIDs whose messages are expunged, as far as was pulled. */
  goneAmong(uids: Uint32Array): number[] {
    if (this.deleted) return [...uids]
    if (this.#dead.length === 0) return []
    const gone = new Set(this.#dead.map((place) => this.entries.uid[place] ?? 0))
    return Array.from(uids).filter((uid) => gone.has(uid))
  }

  isDead(place: number): boolean {
    return this.#dead.length > 0 && this.#dead[lowerBound(this.#dead, place)] === place
  }

  /** Places of rows whose flags changed after `modSeq`, ascending. */
  changedSince(modSeq: number): number[] {
    const uids = this.changes.since(modSeq)
    if (uids !== undefined) {
      const places = uids.map((uid) => this.entries.lowerBound(uid, this.rows))
      return places.filter((place, i) => place < this.rows && this.entries.uid[place] === uids[i])
    }
    const places: number[] = []
    for (let place = 0; place < this.rows; place++) if ((this.entries.modSeq[place] ?? 0) > modSeq) places.push(place)
    return places
  }
}

/** The entries with UIDs from `uid` on, of the first `length`. */
function from(entries: Entries, uid: number, length = entries.length): Entries {
  const start = entries.lowerBound(uid, length)
  const rest = Entries.ofLength(length - start)
  rest.copy(0, entries, start, length)
  return rest
}

function* allPages(reader: Reader, mailbox: MailboxId): Generator<Page> {
  for (let uid = 0; ;) {
    const pages = pagesFrom(reader, mailbox, uid, PAGE_BATCH)
    yield* pages
    const last = pages.at(-1)
    if (last === undefined || pages.length < PAGE_BATCH) return
    uid = last.firstUid + 1
  }
}
