/** SEARCH. RFC 9051 §6.4.4; the old form for those who do not ask for RETURN. RFC 5182 (SAVE). */
import { type Cursor, printSet, type SearchCommand, type SearchReturn, takeSearch } from '../../../formats/imap/mod.ts'
import type { Session } from '../session.ts'

export const search = (session: Session, cursor: Cursor): Promise<string> => run(session, cursor, false)
export const uidSearch = (session: Session, cursor: Cursor): Promise<string> => run(session, cursor, true)

async function run(session: Session, cursor: Cursor, byUid: boolean): Promise<string> {
  const tag = session.tag
  cursor.takeSpace()
  const command = takeSearch(cursor, { saved: session.saved })
  cursor.takeEnd()
  const returns = command.returns ?? (session.rev2 ? (['ALL'] as const) : undefined)
  const found = await session.mailbox.search(command.key)
  return answerFound(session, 'SEARCH', { ...command, returns }, found, { tag, byUid })
}

/** Answers SEARCH or SORT: `found` in the order asked for. */
export function answerFound(
  session: Session,
  word: 'SEARCH' | 'SORT',
  command: Pick<SearchCommand, 'returns' | 'modSeq'>,
  found: readonly number[],
  { tag, byUid }: { readonly tag: string; readonly byUid: boolean },
): string {
  const { mailbox } = session
  const { returns } = command
  const completed = `${word === 'SORT' ? 'Sort' : 'Search'} completed`
  const numbers = byUid ? found.map((seq) => mailbox.uidAt(seq)) : found
  if (command.modSeq) session.condstore = true
  const highest = command.modSeq ? highestModSeq(session, savedOf(found, returns ?? ['ALL'])) : 0n
  const modSeq = highest > 0n ? highest : undefined
  if (returns === undefined) {
    session.output.line(
      `* ${word}${numbers.map((n) => ` ${n}`).join('')}${modSeq === undefined ? '' : ` (MODSEQ ${modSeq})`}`,
    )
    return completed
  }
  if (returns.includes('SAVE'))
    session.saved = savedOf(found, returns)
      .map((seq) => mailbox.uidAt(seq))
      .sort((a, b) => a - b)
  const only = returns.every((word) => word === 'SAVE')
  if (!only) session.output.line(esearch(tag, byUid, returns, numbers, modSeq))
  return completed
}

/** RFC 4731 §3.2: of the messages that the answer is about. */
function highestModSeq({ mailbox }: Session, seqs: readonly number[]): bigint {
  return seqs.reduce((most, seq) => (mailbox.modSeqAt(seq) > most ? mailbox.modSeqAt(seq) : most), 0n)
}

/** RFC 5182 §2.4: with MIN or MAX alone only these are saved. */
function savedOf(found: readonly number[], returns: readonly SearchReturn[]): readonly number[] {
  if (returns.includes('ALL') || returns.includes('COUNT') || found.length === 0) return found
  const some = [...(returns.includes('MIN') ? [found[0]!] : []), ...(returns.includes('MAX') ? [found.at(-1)!] : [])]
  return some.length === 0 ? found : [...new Set(some)]
}

/** RFC 9051 §7.3.4. */
function esearch(
  tag: string,
  byUid: boolean,
  returns: readonly SearchReturn[],
  numbers: readonly number[],
  modSeq: bigint | undefined,
): string {
  const parts = [`* ESEARCH (TAG "${tag}")`]
  if (byUid) parts.push('UID')
  if (numbers.length > 0) {
    if (returns.includes('MIN')) parts.push(`MIN ${numbers[0]}`)
    if (returns.includes('MAX')) parts.push(`MAX ${numbers.at(-1)}`)
    if (returns.includes('ALL')) parts.push(`ALL ${printSet(numbers)}`)
  }
  if (returns.includes('COUNT')) parts.push(`COUNT ${numbers.length}`)
  if (modSeq !== undefined) parts.push(`MODSEQ ${modSeq}`)
  return parts.join(' ')
}
