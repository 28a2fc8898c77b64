/**
 * Searches whose results a client wants to be told of as they change: UPDATE. RFC 5267 §4.3.
 * Results are kept as UIDs. What was expunged is told before the EXPUNGE, what was added after the EXISTS or FETCH.
 */
import { normalise, printSet, type SearchKey, type SequenceSet, type SortCriterion } from '../../formats/imap/mod.ts'
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
  /** UIDs in the order of the results. */
  results: number[]
  /** Changes up to here have been looked at. */
  modSeq: bigint
  /** Messages from here on are new to it, whatever their MODSEQ. */
  uidNext: number
}

export class SearchContexts {
  readonly #session: Session
  readonly #contexts = new Map<string, Context>()

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
  add(selected: Selected, asked: Pick<Context, 'tag' | 'byUid' | 'key' | 'criteria'>, found: readonly number[]): void {
    const results = found.map((seq) => selected.uidAt(seq))
    const { highestModSeq: modSeq, uidNext } = selected
    this.#contexts.set(asked.tag, { ...asked, key: fixNumbers(asked.key, selected), results, modSeq, uidNext })
  }

  /** To be called after a refresh and before it is told: the client still knows these messages by their old numbers. */
  expunged({ expunged, expungedUids }: Delta): void {
    if (this.empty || expunged.length === 0) return
    if (expungedUids.length === 0) {
      this.clear() // the mailbox itself is gone
      return
    }
    const seqs = originalNumbers(expunged)
    const gone = new Map(expungedUids.map((uid, i) => [uid, seqs[i] ?? 0]))
    for (const context of this.#contexts.values())
      this.#tellRemoved(
        context,
        (uid) => gone.has(uid),
        (uid) => (context.byUid ? uid : (gone.get(uid) ?? 0)),
      )
  }

  /** What changed since the last look. Until it resolves, numbers must not move: no refresh. */
  async update(selected: Selected): Promise<void> {
    for (const context of this.#contexts.values()) await this.#updateOne(selected, context)
  }

  async #updateOne(selected: Selected, context: Context): Promise<void> {
    const changed: number[] = []
    let newest = context.modSeq
    const { uidNext } = selected
    for (let seq = 1; seq <= selected.count; seq++) {
      const modSeq = selected.modSeqAt(seq)
      const uid = selected.uidAt(seq)
      if (modSeq <= context.modSeq && uid < context.uidNext) continue
      changed.push(uid)
      if (modSeq > newest) newest = modSeq
    }
    if (changed.length === 0) return
    const among: SequenceSet = changed.map((uid) => [uid, uid] as const)
    const found = await selected.search({ key: 'AND', keys: [{ key: 'UID', set: among }, context.key] })
    if (this.#session.selected !== selected || !this.#contexts.has(context.tag)) return
    context.modSeq = newest
    context.uidNext = uidNext
    const matching = new Set(found.map((seq) => selected.uidAt(seq)))
    const known = new Set(context.results)
    const looked = new Set(changed)
    const numberOf = (uid: number): number => (context.byUid ? uid : selected.seqOf(uid))
    this.#tellRemoved(context, (uid) => looked.has(uid) && !matching.has(uid), numberOf)
    const added = [...matching].filter((uid) => !known.has(uid))
    if (added.length > 0) await this.#tellAdded(selected, context, added, numberOf)
  }

  #tellRemoved(context: Context, isGone: (uid: number) => boolean, numberOf: (uid: number) => number): void {
    const { criteria } = context
    const gone = context.results.filter(isGone)
    if (gone.length === 0) return
    // From the end on, so that the places of those before stay what they are.
    const places = context.results
      .flatMap((uid, i) => (isGone(uid) ? [[i + 1, numberOf(uid)] as const] : []))
      .toReversed()
    context.results = context.results.filter((uid) => !isGone(uid))
    if (criteria === undefined) this.#say(context, 'REMOVEFROM', `0 ${sortedSet(gone.map(numberOf))}`)
    else this.#say(context, 'REMOVEFROM', places.map(([place, n]) => `${place} ${n}`).join(' '))
  }

  async #tellAdded(
    selected: Selected,
    context: Context,
    added: readonly number[],
    numberOf: (uid: number) => number,
  ): Promise<void> {
    const { criteria } = context
    const seqs = [...context.results, ...added].map((uid) => selected.seqOf(uid)).filter((seq) => seq > 0)
    if (criteria === undefined) {
      context.results = seqs.sort((a, b) => a - b).map((seq) => selected.uidAt(seq))
      this.#say(context, 'ADDTO', `0 ${sortedSet(added.map(numberOf))}`)
      return
    }
    const sorted = await selected.sort(
      seqs.sort((a, b) => a - b),
      criteria,
    )
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

/**
 * Numbers as of before, ascending, of messages that are told as gone one after the other.
 * @param expunged each as of the moment it is said
 */
function originalNumbers(expunged: readonly number[]): number[] {
  const gone: number[] = [] // ascending
  for (const seq of expunged) {
    let number = seq
    let i = 0
    for (; i < gone.length && gone[i]! <= number; i++) number++
    gone.splice(i, 0, number)
  }
  return gone
}

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
