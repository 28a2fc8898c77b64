/**
 * Searches whose results a client wants to be told of as they change: UPDATE. RFC 5267 §4.3.
 * Results are kept as UIDs. What was expunged is told before the EXPUNGE, what was added after the EXISTS or FETCH.
 */
import {
  type FetchItem,
  normalise,
  printSet,
  type SearchKey,
  type SequenceSet,
  type SortCriterion,
} from '../../formats/imap/mod.ts'
import type { Delta, Selected } from '../../mail/store/mod.ts'
import type { Session } from './session.ts'

/** Contexts of one session; one more is refused by NOUPDATE. */
export const CONTEXTS_LIMIT = 16

interface Context {
  readonly tag: string
  readonly byUid: boolean
  readonly key: SearchKey
  /** undefined: a SEARCH, whose results stand in the order of the mailbox. */
  readonly criteria: readonly SortCriterion[] | undefined
  /** Fetched of new messages that match, before they are told (RFC 5465 §7). */
  readonly items: readonly FetchItem[]
  /** UIDs in the order of the results. */
  results: number[]
}

/** Sequence numbers of messages that are new or changed, and their UIDs. */
interface Changed {
  readonly seqs: readonly number[]
  readonly uids: ReadonlySet<number>
}

export class SearchContexts {
  readonly #session: Session
  readonly #contexts = new Map<string, Context>()
  /** Changes up to here have been looked at by all contexts. */
  #modSeq = 0n
  /** Messages from here on are new to them, whatever their MODSEQ. */
  #uidNext = 0

  constructor(session: Session) {
    this.#session = session
  }

  get empty(): boolean {
    return this.#contexts.size === 0
  }
  get full(): boolean {
    return this.#contexts.size >= CONTEXTS_LIMIT
  }
  has(tag: string): boolean {
    return this.#contexts.has(tag)
  }
  cancel(tag: string): void {
    this.#contexts.delete(tag)
  }
  clear(): void {
    this.#contexts.clear()
  }

  /** @param found sequence numbers, in the order of the results */
  add(
    selected: Selected,
    asked: Pick<Context, 'tag' | 'byUid' | 'key' | 'criteria' | 'items'>,
    found: readonly number[],
  ): void {
    const results = found.map((seq) => selected.uidAt(seq))
    // With others there, it looks again at what these have yet to look at, and finds nothing new.
    if (this.empty) this.#lookedAt(selected.highestModSeq, selected.uidNext)
    this.#contexts.set(asked.tag, { ...asked, key: fixNumbers(asked.key, selected), results })
  }

  /** To be called after a refresh and before it is told: the client still knows these messages by their old numbers. */
  expunged({ expunged, expungedUids }: Delta): void {
    if (this.empty || expunged.length === 0) return
    if (expungedUids.length === 0) {
      this.clear() // the mailbox itself is gone
      return
    }
    const gone = new Map(expungedUids.map((uid, i) => [uid, (expunged[i] ?? 0) + i])) // their numbers as of before
    for (const context of this.#contexts.values())
      this.#tellRemoved(
        context,
        (uid) => gone.has(uid),
        (uid) => (context.byUid ? uid : (gone.get(uid) ?? 0)),
      )
  }

  /** What changed since the last look, after a refresh. Until it resolves, numbers must not move: no other refresh. */
  async update(selected: Selected): Promise<void> {
    if (this.empty) return
    const { highestModSeq, uidNext } = selected
    const seqs = selected.changedSince(this.#modSeq, this.#uidNext)
    if (seqs.length > 0) {
      const changed = { seqs, uids: new Set(seqs.map((seq) => selected.uidAt(seq))) }
      for (const context of this.#contexts.values()) await this.#updateOne(selected, context, changed)
    }
    this.#lookedAt(highestModSeq, uidNext)
  }

  #lookedAt(modSeq: bigint, uidNext: number): void {
    this.#modSeq = modSeq
    this.#uidNext = uidNext
  }

  async #updateOne(selected: Selected, context: Context, { seqs, uids }: Changed): Promise<void> {
    const found = await selected.search(context.key, undefined, seqs)
    if (this.#session.selected !== selected || !this.#contexts.has(context.tag)) return
    const matching = new Set(found.map((seq) => selected.uidAt(seq)))
    const known = new Set(context.results.filter((uid) => uids.has(uid)))
    const numberOf = (uid: number): number => (context.byUid ? uid : selected.seqOf(uid))
    this.#tellRemoved(context, (uid) => uids.has(uid) && !matching.has(uid), numberOf)
    const added = [...matching].filter((uid) => !known.has(uid))
    const arrived = context.items.length === 0 ? [] : added.filter((uid) => uid >= this.#uidNext)
    await this.#session.news.fetch(selected, arrived, context.items)
    if (added.length > 0) await this.#tellAdded(selected, context, added, numberOf)
  }

  #tellRemoved(context: Context, isGone: (uid: number) => boolean, numberOf: (uid: number) => number): void {
    const { criteria } = context
    const gone = context.results.filter(isGone)
    if (gone.length === 0) return
    const before = context.results
    context.results = before.filter((uid) => !isGone(uid))
    if (criteria === undefined) {
      this.#say(context, 'REMOVEFROM', `0 ${sortedSet(gone.map(numberOf))}`)
      return
    }
    // From the end on, so that the places of those before stay what they are.
    const places = before.flatMap((uid, i) => (isGone(uid) ? [`${i + 1} ${numberOf(uid)}`] : [])).toReversed()
    this.#say(context, 'REMOVEFROM', places.join(' '))
  }

  async #tellAdded(
    selected: Selected,
    context: Context,
    added: readonly number[],
    numberOf: (uid: number) => number,
  ): Promise<void> {
    const { criteria } = context
    const all = [...context.results, ...added].sort((a, b) => a - b)
    if (criteria === undefined) {
      context.results = all
      this.#say(context, 'ADDTO', `0 ${sortedSet(added.map(numberOf))}`)
      return
    }
    const seqs = all.map((uid) => selected.seqOf(uid)).filter((seq) => seq > 0)
    const sorted = await selected.sort(seqs, criteria)
    context.results = sorted.map((seq) => selected.uidAt(seq))
    const fresh = new Set(added)
    const places = context.results.flatMap((uid, i) => (fresh.has(uid) ? [`${i + 1} ${numberOf(uid)}`] : []))
    this.#say(context, 'ADDTO', places.join(' '))
  }

  #say({ tag, byUid }: Context, word: 'ADDTO' | 'REMOVEFROM', pairs: string): void {
    this.#session.output.line(`* ESEARCH (TAG "${tag}")${byUid ? ' UID' : ''} ${word} (${pairs})`)
  }
}

const sortedSet = (numbers: readonly number[]): string => printSet(numbers.toSorted((a, b) => a - b))

/** RFC 5267 §4.3: numbers in the program mean the messages that had them when the command came. */
function fixNumbers(key: SearchKey, selected: Selected): SearchKey {
  if (key.key === 'SEQ') return { key: 'UID', set: uidsOf(key.set, selected) }
  if (key.key === 'AND') return { key: 'AND', keys: key.keys.map((one) => fixNumbers(one, selected)) }
  if (key.key === 'NOT') return { key: 'NOT', not: fixNumbers(key.not, selected) }
  if (key.key !== 'OR') return key
  return { key: 'OR', left: fixNumbers(key.left, selected), right: fixNumbers(key.right, selected) }
}

function uidsOf(set: SequenceSet, selected: Selected): SequenceSet {
  const { count } = selected
  return normalise(set, count)
    .filter(([from]) => from >= 1 && from <= count)
    .map(([from, to]) => [selected.uidAt(from), selected.uidAt(Math.min(to, count))] as const)
}
