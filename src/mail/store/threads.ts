/** THREAD: messages of a mailbox as conversations. RFC 5256 §3; the numbers are the steps of REFERENCES there. */
import { pauses } from '#src/base/mod.ts'
import type { ThreadAlgorithm } from '../../formats/imap/mod.ts'
import { type Collation, unicodeCasemap } from '../../formats/message/mod.ts'
import type { Thread } from './contract.ts'
import type { Letters } from './letters.ts'
import type { Looking } from './sort.ts'
import { threadByReferences, threadByRefs, type Threading } from './thread-references.ts'

export async function threadMessages(
  looking: Looking,
  seqs: readonly number[],
  algorithm: ThreadAlgorithm,
  collation: Collation = unicodeCasemap,
): Promise<readonly Thread[]> {
  const threading = ALGORITHMS[algorithm](await looking.parts.letters.of(looking, seqs, collation))
  const pause = pauses(looking.ctx.clock)
  let step = threading.next()
  for (; step.done !== true; step = threading.next()) await pause()
  return step.value
}

const ALGORITHMS = {
  REFERENCES: threadByReferences,
  REFS: threadByRefs,
  ORDEREDSUBJECT: threadBySubject,
} as const satisfies Readonly<Record<ThreadAlgorithm, (letters: Letters) => Threading>>

/** ORDEREDSUBJECT: the first of a subject, and all others below it. */
// oxlint-disable-next-line require-yield -- one sort, as quick as printing
export function* threadBySubject({ seq, sentMs, subject }: Letters): Threading {
  const byDate = (a: number, b: number): number => sentMs[a]! - sentMs[b]! || seq[a]! - seq[b]!
  const order = Array.from(seq, (_, i) => i).sort(byDate)
  return [...Map.groupBy(order, (i) => subject[i]!).values()].map(([first, ...others]) => ({
    seq: seq[first!]!,
    children: others.map((i) => ({ seq: seq[i]!, children: [] })),
  }))
}
