/** What a client that was away must hear of a mailbox: QRESYNC and VANISHED. RFC 7162 §3.2.5, §3.2.6, §3.2.10. */
import { type Cursor, normalise, printSet, type SequenceSet, takeSequenceSet } from '../../../formats/imap/mod.ts'
import type { Selected } from '../../../mail/store/mod.ts'
import { flagsLine } from '../printing.ts'
import type { Session } from '../session.ts'

/** Ranges in ascending order, without overlaps. */
type Ranges = readonly (readonly [number, number])[]

/** What the client says it knows. */
export interface Resync {
  readonly uidValidity: number
  readonly modSeq: bigint
  /** undefined: everything. */
  readonly known: Ranges | undefined
  /** Numbers and the UIDs that the client has for them, in pairs. */
  readonly sample: { readonly seqs: Ranges; readonly uids: Ranges } | undefined
}

/** `(uidvalidity mod-sequence [known-uids] [(known-sequence-set known-uid-set)])`. */
export function takeResync(cursor: Cursor): Resync {
  cursor.take('(')
  const uidValidity = cursor.takeNzNumber()
  cursor.takeSpace()
  const modSeq = BigInt(cursor.takeNumber64())
  let known: Ranges | undefined
  let sample: Resync['sample']
  let more = cursor.skipSpace()
  if (more && cursor.peek() !== '(') {
    known = takeKnown(cursor)
    more = cursor.skipSpace()
  }
  if (more) {
    cursor.take('(')
    const seqs = takeKnown(cursor)
    cursor.takeSpace()
    const uids = takeKnown(cursor)
    cursor.take(')')
    if (sizeOf(seqs) !== sizeOf(uids)) throw cursor.bad('The two sets differ in size')
    sample = { seqs, uids }
  }
  cursor.take(')')
  return { uidValidity, modSeq, known, sample }
}

/** Without `*`, for the client names what it knows. */
function takeKnown(cursor: Cursor): Ranges {
  const set = takeSequenceSet(cursor)
  if (set === '$' || set.some((range) => range.includes('*'))) throw cursor.bad('Expected numbers')
  return normalise(set, 0)
}

const sizeOf = (ranges: Ranges): number => ranges.reduce((sum, [from, to]) => sum + to - from + 1, 0)

/** SELECT (QRESYNC …), after the mailbox was described: what left it, then the flags that changed. */
export async function resync(session: Session, selected: Selected, asked: Resync): Promise<void> {
  // RFC 7162 §3.2.5: the client sees by itself that this is another mailbox.
  if (asked.uidValidity !== selected.uidValidity) return
  const known = asked.known ?? [[1, 0xffff_ffff] as const]
  const from = asked.sample === undefined ? 1 : lastMatch(selected, asked.sample) + 1
  tellVanished(session, selected, asked.modSeq, above(known, from))
  const since = asked.modSeq < selected.resyncFloor ? 0n : asked.modSeq
  for (const [low, high] of known) {
    for (let seq = selected.lowerBound(low); seq <= selected.count && selected.uidAt(seq) <= high; seq++) {
      if (selected.modSeqAt(seq) <= since) continue
      session.output.line(flagsLine(session, selected, seq, true))
      if (session.output.full) await session.output.flush()
    }
  }
}

/** The UID up to which the client has heard of all expunges; 0 for none. */
function lastMatch(selected: Selected, sample: { readonly seqs: Ranges; readonly uids: Ranges }): number {
  const uids = numbersOf(sample.uids)
  let last = 0
  for (const seq of numbersOf(sample.seqs)) {
    if (seq > selected.count) break
    const { value } = uids.next()
    if (value !== undefined && selected.uidAt(seq) === value) last = value
  }
  return last
}

function* numbersOf(ranges: Ranges): Generator<number, undefined> {
  for (const [from, to] of ranges) for (let n = from; n <= to; n++) yield n
}

const above = (ranges: Ranges, least: number): Ranges =>
  ranges.filter(([, to]) => to >= least).map(([from, to]) => [Math.max(from, least), to])

/** The UIDs that a set names, whether messages have them or not. */
export function uidRanges(session: Session, set: SequenceSet | '$'): Ranges {
  if (set === '$') return session.saved.map((uid) => [uid, uid] as const)
  const { mailbox } = session
  return normalise(set, mailbox.count === 0 ? 0 : mailbox.uidAt(mailbox.count))
}

/** `* VANISHED (EARLIER) 3:5`: what left since `modSeq` of the UIDs asked for. Nothing that still has a number. */
export function tellVanished(session: Session, selected: Selected, modSeq: bigint, asked: Ranges): void {
  const gone = selected.expungedSince(modSeq)
  const ranges = gone === undefined ? missing(selected, asked) : undefined
  const set =
    ranges === undefined ? printSet(within(gone ?? [], asked)) : ranges.map(([from, to]) => printRange(from, to)).join()
  if (set !== '') session.output.line(`* VANISHED (EARLIER) ${set}`)
}

const printRange = (from: number, to: number): string => (from === to ? String(from) : `${from}:${to}`)

/** Both ascending. */
function within(uids: readonly number[], ranges: Ranges): number[] {
  let at = 0
  return uids.filter((uid) => {
    while (at < ranges.length && ranges[at]![1] < uid) at++
    return at < ranges.length && ranges[at]![0] <= uid
  })
}

/** History does not reach so far: every UID that was given and has no message (RFC 7162 §3.2.6). */
function missing(selected: Selected, asked: Ranges): Ranges {
  const ranges: [number, number][] = []
  for (const [from, to] of asked) {
    const end = Math.min(to, selected.uidNext - 1)
    let next = from
    for (let seq = selected.lowerBound(from); seq <= selected.count && next <= end; seq++) {
      const uid = selected.uidAt(seq)
      if (uid > next) ranges.push([next, Math.min(uid - 1, end)])
      next = uid + 1
    }
    if (next <= end) ranges.push([next, end])
  }
  return ranges
}
