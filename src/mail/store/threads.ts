/** THREAD: messages of a mailbox as conversations. RFC 5256 §3; the numbers are the steps of REFERENCES there. */
import type { ThreadAlgorithm } from '../../formats/imap/mod.ts'
import { baseSubject, type Collation, decodeWords, unicodeCasemap } from '../../formats/message/mod.ts'
import type { Thread } from './contract.ts'
import { HEADER_COLUMNS, type Looked, lookAt, type Looking } from './sort.ts'
import { messageIds } from './thread-keys.ts'
import { type Letter, threadByReferences, threadByRefs } from './thread-references.ts'

export async function threadMessages(
  looking: Looking,
  seqs: readonly number[],
  algorithm: ThreadAlgorithm,
  collation = unicodeCasemap,
): Promise<readonly Thread[]> {
  const letters = await lookAt(looking, seqs, (looked) => letterOf(looked, collation), HEADER_COLUMNS)
  return ALGORITHMS[algorithm](letters)
}

const ALGORITHMS = {
  REFERENCES: threadByReferences,
  REFS: threadByRefs,
  ORDEREDSUBJECT: threadBySubject,
} as const satisfies Readonly<Record<ThreadAlgorithm, (letters: readonly Letter[]) => readonly Thread[]>>

function letterOf({ seq, text, sentMs }: Looked, collation: Collation): Letter {
  const { text: subject, reply } = baseSubject(decodeWords(text?.value('subject') ?? ''))
  const references = messageIds(text?.value('references') ?? '')
  return {
    seq,
    sentMs,
    subject: collation.form(subject),
    reply,
    id: messageIds(text?.value('message-id') ?? '')[0],
    references: references.length > 0 ? references : messageIds(text?.value('in-reply-to') ?? '').slice(0, 1),
  }
}

const byDate = (a: Letter, b: Letter): number => a.sentMs - b.sentMs || a.seq - b.seq

/** ORDEREDSUBJECT: the first of a subject, and all others below it. */
export function threadBySubject(letters: readonly Letter[]): Thread[] {
  const groups = Map.groupBy(letters.toSorted(byDate), ({ subject }) => subject)
  return [...groups.values()]
    .sort(([a], [b]) => byDate(a!, b!))
    .map(([first, ...others]) => ({ seq: first!.seq, children: others.map(({ seq }) => ({ seq, children: [] })) }))
}
