/**
 * A mailbox as one session has it selected. What the session was told (UIDNEXT, MODSEQ, expunges) is all it keeps of its
 * own, some hundred octets; numbers, flags and the rest are looked up in the view it shares.
 */
import {
  ALL_RIGHTS,
  type Rights,
  type SearchKey,
  type SortCriterion,
  type ThreadAlgorithm,
} from '../../formats/imap/mod.ts'
import type { Collation } from '../../formats/message/mod.ts'
import type { AccountId } from '../accounts/mod.ts'
import { resyncFloor } from './account-state.ts'
import { OVERQUOTA, TRYCREATE } from './append.ts'
import type { StoreContext } from './context.ts'
import type {
  Copied,
  CopyTo,
  Delta,
  FlagOperation,
  MailboxId,
  MessageColumn,
  Refusal,
  Selected,
  SelectOptions,
  StoredMessage,
  Thread,
} from './contract.ts'
import { copyMessages, type CopyTarget } from './copy.ts'
import { expungeDeleted } from './expunge.ts'
import { expungedSince } from './expunged.ts'
import { relevancy } from './fuzzy.ts'
import type { KeptDates } from './kept-dates.ts'
import type { KeptLetters } from './kept-letters.ts'
import { SEEN, systemBit } from './keywords.ts'
import { mailboxById, mailboxByName, type MailboxRow } from './mailbox-rows.ts'
import { messageBatch } from './message-batch.ts'
import { MESSAGE_BATCH, savedTimes, uidls, rawHeaderIds } from './message-rows.ts'
import { canonicalName } from './names.ts'
import { mailboxObjectId } from './object-ids.ts'
import { privateReader } from './private-seen.ts'
import type { Quota } from './quota.ts'
import { searchMailbox, type SearchParts, type SearchRows } from './search.ts'
import { lookAt, type Looking, sortMessages } from './sort.ts'
import { ANY_FLAG, type FlagResult, mayChange, mayChangeFlag, storeFlagsOn } from './store-flags.ts'
import { threadMessages } from './threads.ts'
import { nothingNew, ToldState } from './told.ts'
import type { View } from './view.ts'
import { snapshot, type Views } from './views.ts'

type FlagsStored = Awaited<ReturnType<Selected['storeFlags']>>

export interface SelectedParts extends SearchParts {
  readonly dates: KeptDates
  readonly letters: KeptLetters
  readonly views: Views
  readonly quota: Quota
}

export class SelectedMailbox implements Selected {
  readonly mailbox: MailboxId
  readonly account: AccountId
  readonly objectId: string
  readonly name: string
  readonly readOnly: boolean
  readonly uidValidity: number
  readonly #ctx: StoreContext
  readonly #parts: SelectedParts
  /** Who has it selected, and whose \Seen it shows; undefined: the mailbox's. */
  readonly #who: AccountId
  #reader: AccountId | undefined
  #view: View
  readonly #told = new ToldState()
  #seen: number

  constructor(ctx: StoreContext, parts: SelectedParts, row: MailboxRow, options: SelectOptions) {
    const { readOnly, who = row.account, as: name = row.name ?? '' } = options
    this.mailbox = row.id
    this.account = row.account
    this.objectId = mailboxObjectId(row.id, row.uidValidity)
    this.name = name
    this.readOnly = readOnly
    this.uidValidity = row.uidValidity
    this.#ctx = ctx
    this.#parts = parts
    this.#who = who
    this.#reader = privateReader(ctx, ctx.db.read, row, who)
    this.#view = parts.views.of(row.id, row.account, this.#reader)
    parts.views.pull(this.#view)
    this.#seen = this.#view.seen
    this.#told.begin(this.#view)
    this.#view.sessions.add(this.#told)
  }

  /** The view as this session counts it. */
  get #rows(): View {
    const view = this.#view
    if (!view.loaded) this.#parts.views.load(view)
    this.#told.align(view)
    return view
  }

  get ownSeen(): boolean {
    return this.#reader !== undefined
  }
  get uidNext(): number {
    return this.#told.toldUidNext
  }
  get highestModSeq(): bigint {
    return BigInt(this.#told.toldModSeq)
  }
  get resyncFloor(): bigint {
    return BigInt(resyncFloor(this.#ctx.db.read, this.account))
  }
  get count(): number {
    return this.#told.numbers.count
  }
  get recent(): number {
    return this.#told.recent
  }
  get keywords(): readonly string[] {
    return this.#rows.dictionary.keywords
  }

  get firstUnseen(): number {
    const { entries } = this.#rows
    const { numbers } = this.#told
    for (let place = 0; place < numbers.limit; place++)
      if (((entries.flags[place] ?? 0) & SEEN) === 0 && !numbers.isGone(place)) return numbers.seqAt(place)
    return 0
  }

  uidAt(seq: number): number {
    return this.#rows.entries.uid[this.#told.numbers.placeOf(seq)] ?? 0
  }

  seqOf(uid: number): number {
    const seq = this.lowerBound(uid)
    return seq <= this.count && this.uidAt(seq) === uid ? seq : 0
  }

  lowerBound(uid: number): number {
    const { entries } = this.#rows
    const { numbers } = this.#told
    return numbers.seqAt(entries.lowerBound(uid, numbers.limit))
  }

  flagsAt(seq: number): readonly string[] {
    const { entries, dictionary } = this.#rows
    const place = this.#told.numbers.placeOf(seq)
    const { recents } = this.#told
    const recent = !recents.empty && recents.has(entries.uid[place] ?? 0)
    return dictionary.words(entries.flags[place] ?? 0, recent)
  }

  hasFlag(seq: number, flag: string): boolean {
    const { entries, dictionary } = this.#rows
    const place = this.#told.numbers.placeOf(seq)
    const flags = entries.flags[place] ?? 0
    const bit = systemBit(flag)
    if (bit !== 0) return (flags & bit) !== 0
    if (flag.toLowerCase() === '\\recent') return this.#told.recents.has(entries.uid[place] ?? 0)
    return dictionary.has(flags, flag)
  }

  modSeqAt(seq: number): bigint {
    return BigInt(this.#rows.entries.modSeq[this.#told.numbers.placeOf(seq)] ?? 0)
  }
  knowsFlagsAt(seq: number): boolean {
    const { uid, modSeq } = this.#rows.entries
    const place = this.#told.numbers.placeOf(seq)
    return this.#told.knows(uid[place] ?? 0, modSeq[place] ?? 0)
  }
  sizeAt(seq: number): number {
    return this.#rows.entries.size[this.#told.numbers.placeOf(seq)] ?? 0
  }
  internalDateMsAt(seq: number): number {
    return this.#rows.entries.dateMs[this.#told.numbers.placeOf(seq)] ?? 0
  }
  messageIdAt(seq: number): number {
    return this.#rows.entries.message[this.#told.numbers.placeOf(seq)] ?? 0
  }

  expungedSince(modSeq: bigint): readonly number[] | undefined {
    const { read } = this.#ctx.db
    const uids = snapshot(read, () => {
      const floor = mailboxById(read, this.mailbox)?.expungedFloor
      if (floor === undefined || modSeq < BigInt(floor) || modSeq < this.resyncFloor) return undefined
      return expungedSince(read, this.mailbox, Number(modSeq)).flatMap(({ entries }) => [...entries.uid])
    })
    return uids && [...new Set(uids)].filter((uid) => this.seqOf(uid) === 0).sort((a, b) => a - b)
  }

  changedSince(modSeq: bigint, uidNext: number): readonly number[] {
    const view = this.#rows
    const { numbers } = this.#told
    const first = this.lowerBound(uidNext)
    const seqs: number[] = []
    for (const place of view.changedSince(Number(modSeq))) {
      if (place >= numbers.limit) break
      if (!numbers.isGone(place) && numbers.seqAt(place) < first) seqs.push(numbers.seqAt(place))
    }
    for (let seq = first; seq <= this.count; seq++) seqs.push(seq)
    return seqs
  }

  get expungesHeld(): boolean {
    return this.#told.pending
  }

  get stale(): boolean {
    return this.#told.pending || this.#ctx.feed.value(this.account) !== this.#seen
  }

  get changes(): number {
    return this.#ctx.feed.value(this.account)
  }

  refresh({ expunges }: { readonly expunges: boolean }): Promise<Delta> {
    try {
      return Promise.resolve(this.#refresh(expunges))
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : new Error(String(error)))
    }
  }

  #refresh(expunges: boolean): Delta {
    if (!this.stale) return nothingNew(this.recent)
    this.#followSeen()
    const uidNext = this.uidNext
    const delta = this.#refreshFromCounts() ?? this.#refreshFromView(expunges)
    if (this.uidNext > uidNext) this.#claim()
    return delta
  }

  /** \Seen was made shared or private since SELECT: the session goes over to the view that shows it so. */
  #followSeen(): void {
    if (this.#who === this.account || this.#view.deleted) return
    const { read } = this.#ctx.db
    const row = mailboxById(read, this.mailbox)
    if (row?.name === undefined) return
    const reader = privateReader(this.#ctx, read, row, this.#who)
    if (reader === this.#reader) return
    this.#reader = reader
    this.#view = this.#parts.views.move(this.#told, this.#view, row, reader)
    this.#told.moved()
  }

  /** A view that was put away stays so while there is only new mail to tell. */
  #refreshFromCounts(): Delta | undefined {
    const view = this.#view
    if (view.loaded || view.deleted) return undefined
    const seen = this.#ctx.feed.value(this.account)
    const row = this.#parts.views.rowOf(view)
    if (row?.name === undefined) return undefined
    const delta = this.#told.refreshFromCounts(row, Math.max(row.recentUid, view.recentUid))
    if (delta !== undefined) this.#seen = seen
    return delta
  }

  #refreshFromView(expunges: boolean): Delta {
    this.#parts.views.pull(this.#view)
    this.#seen = this.#view.seen
    return this.#told.refresh(this.#view, expunges)
  }

  /** EXAMINE takes \Recent from nobody, nor does somebody with a \Seen of their own: it stays the owner's. */
  get #claims(): boolean {
    return !this.readOnly && !this.ownSeen
  }

  /** Told first of new messages: they are recent to nobody else. Another thread may tell them too, meanwhile. */
  #claim(): void {
    if (!this.#claims || this.#view.recentUid >= this.uidNext || this.#told.recents.empty) return
    this.#parts.views.claimRecent(this.#view, this.uidNext).catch(() => undefined) // shown as recent once more, no harm
  }

  /** SELECT waits for its claim, so that the next one, on any thread, shows none of them as recent. */
  async claimed(): Promise<void> {
    if (this.#claims && this.recent > 0) await this.#parts.views.claimRecent(this.#view, this.uidNext)
  }

  onChange(wake: () => void): () => void {
    return this.#ctx.feed.watch(this.account, wake)
  }

  async *messages(
    seqs: readonly number[],
    columns?: readonly MessageColumn[],
  ): AsyncGenerator<readonly (StoredMessage | undefined)[]> {
    for (let from = 0; from < seqs.length; from += MESSAGE_BATCH) {
      const ids = seqs.slice(from, from + MESSAGE_BATCH).map((seq) => this.messageIdAt(seq))
      yield messageBatch(this.#ctx.db.read, this.account, ids, columns)
      await new Promise(setImmediate) // others have their turn between two batches
    }
  }

  uidlsOf(seqs: readonly number[]): readonly (string | undefined)[] {
    const ids = seqs.map((seq) => this.messageIdAt(seq))
    return uidls(this.#ctx.db.read, ids)
  }

  withRawHeaders(): ReadonlySet<number> {
    const ids = rawHeaderIds(this.#ctx.db.read, this.account)
    const seqs = new Set<number>()
    if (ids.size > 0) for (let seq = 1; seq <= this.count; seq++) if (ids.has(this.messageIdAt(seq))) seqs.add(seq)
    return seqs
  }

  savedMsOf(seqs: readonly number[]): readonly (number | undefined)[] {
    const places = seqs.map((seq) => ({ message: this.messageIdAt(seq), uid: this.uidAt(seq) }))
    return savedTimes(this.#ctx.db.read, this.mailbox, places)
  }

  search(
    key: SearchKey,
    onProgress?: (done: number, goal: number) => void,
    among?: readonly number[],
  ): Promise<readonly number[]> {
    const asked = { account: this.account, mailbox: this.mailbox, key, onProgress, among }
    return searchMailbox(this.#ctx, this.#parts, asked, () => this.#searchRows())
  }

  relevancy(seqs: readonly number[], key: SearchKey): Promise<readonly number[]> {
    return lookAt(this.#looking, seqs, ({ text }) => (text === undefined ? 1 : relevancy(text, key)))
  }

  sort(seqs: readonly number[], criteria: readonly SortCriterion[], key?: SearchKey): Promise<readonly number[]> {
    return sortMessages(this.#looking, seqs, criteria, key)
  }

  threads(seqs: readonly number[], algorithm: ThreadAlgorithm, collation?: Collation): Promise<readonly Thread[]> {
    return threadMessages(this.#looking, seqs, algorithm, collation)
  }

  get #looking(): Looking {
    const { account, mailbox } = this
    return { ctx: this.#ctx, parts: this.#parts, account, mailbox, rows: () => this.#searchRows() }
  }

  #searchRows(): SearchRows {
    const { entries, dictionary } = this.#rows
    const { numbers, recents } = this.#told
    return { entries, dictionary, numbers, recents }
  }

  async storeFlags(
    seqs: readonly number[],
    operation: FlagOperation,
    flags: readonly string[],
    options: { readonly unchangedSince?: bigint; readonly silent?: boolean; readonly rights?: Rights } = {},
  ): Promise<FlagsStored> {
    const { unchangedSince, silent, rights = ALL_RIGHTS } = options
    const mask = mayChange(rights)
    const told = this.#told
    if (this.stale) this.#followSeen()
    const uids = this.#uidsOf(seqs)
    const result = await storeFlagsOn(this.#ctx, {
      account: this.account,
      mailbox: this.mailbox,
      uids,
      operation,
      flags: flags.filter((flag) => mayChangeFlag(rights, flag)),
      mask,
      reader: this.#reader,
      unchangedSince: unchangedSince === undefined ? undefined : Number(unchangedSince),
      isForeign: (modSeq) => modSeq > told.toldModSeq && !told.isOwn(modSeq),
    })
    return this.#stored(uids, result, silent === true)
  }

  /** The view shows the new flags at once: the answers to STORE are printed from it. */
  #stored(uids: Uint32Array, result: FlagResult, silent: boolean): FlagsStored {
    // Without .SILENT the client is told the flags of all messages it named, others' changes included.
    this.#told.ownChange(result.modSeqs, silent ? result.foreign : [])
    this.#parts.views.pull(this.#view)
    const modSeq = BigInt(result.modSeqs.at(-1) ?? this.#told.toldModSeq)
    const { modified, refused } = result
    const stored = { modified, gone: this.#view.goneAmong(uids), modSeq }
    return refused === undefined ? stored : { ...stored, refused }
  }

  copy(seqs: readonly number[], target: CopyTo): Promise<Copied | Refusal> {
    return this.#copy(seqs, this.#target(target), false)
  }

  move(seqs: readonly number[], target: CopyTo): Promise<Copied | Refusal> {
    return this.#copy(seqs, this.#target(target), true)
  }

  #target(target: CopyTo): CopyTarget {
    if (typeof target === 'string') return { account: this.account, name: canonicalName(target), mask: ANY_FLAG }
    const { account, name, rights } = target
    return { account, name: canonicalName(name), who: this.#who, mask: mayChange(rights) }
  }

  /** What is moved within an account takes no more of its quota. */
  async #copy(seqs: readonly number[], target: CopyTarget, move: boolean): Promise<Copied | Refusal> {
    const row = mailboxByName(this.#ctx.db.read, target.account, target.name)
    if (row === undefined || !row.selectable) return TRYCREATE
    const uids = this.#uidsOf(seqs)
    const isMore = !move || target.account !== this.account
    const octets = isMore ? seqs.reduce((sum, seq) => sum + this.sizeAt(seq), 0) : 0
    const reserved = this.#parts.quota.reserve(target.account, octets, isMore ? seqs.length : 0)
    if (reserved === undefined) return OVERQUOTA
    const { account, mailbox: source } = this
    try {
      return await copyMessages(this.#ctx, { account, source, reader: this.#reader, target, uids, move })
    } finally {
      reserved.release()
    }
  }

  expunge(uids?: { has(uid: number): boolean }): Promise<void> {
    return expungeDeleted(this.#ctx, this.account, this.mailbox, uids)
  }

  close(): void {
    this.#view.sessions.delete(this.#told)
    this.#parts.views.leave(this.#view)
  }

  #uidsOf(seqs: readonly number[]): Uint32Array {
    const { entries } = this.#rows
    const { numbers } = this.#told
    const uids = new Uint32Array(seqs.length)
    let ascending = true
    for (let i = 0; i < seqs.length; i++) {
      const uid = entries.uid[numbers.placeOf(seqs[i] ?? 0)] ?? 0
      if (i > 0 && uid <= (uids[i - 1] ?? 0)) ascending = false
      uids[i] = uid
    }
    return ascending ? uids : uids.sort()
  }
}
