/** SEARCH. RFC 9051 §6.4.4; the old form for those who do not ask for RETURN. RFC 5182 (SAVE). */
import { type Cursor, printSet, type SearchReturn, takeSearch } from '../../../formats/imap/mod.ts'
import type { Session } from '../session.ts'

export const search = (session: Session, cursor: Cursor): Promise<string> => run(session, cursor, false)
export const uidSearch = (session: Session, cursor: Cursor): Promise<string> => run(session, cursor, true)

async function run(session: Session, cursor: Cursor, byUid: boolean): Promise<string> {
  const tag = session.tag
  cursor.takeSpace()
  const command = takeSearch(cursor, { saved: session.saved })
  cursor.takeEnd()
  const { mailbox } = session
  if (command.modSeq) session.condstore = true
  const found = await mailbox.search(command.key)
  const numbers = byUid ? found.map((seq) => mailbox.uidAt(seq)) : found
  const highest = command.modSeq
    ? found.reduce((most, seq) => (mailbox.modSeqAt(seq) > most ? mailbox.modSeqAt(seq) : most), 0n)
    : 0n
  const modSeq = highest > 0n ? highest : undefined
  const returns = command.returns ?? (session.rev2 ? (['ALL'] as const) : undefined)
  if (returns === undefined) {
    session.output.line(
      `* SEARCH${numbers.map((n) => ` ${n}`).join('')}${modSeq === undefined ? '' : ` (MODSEQ ${modSeq})`}`,
    )
    return 'Search completed'
  }
  if (returns.includes('SAVE')) session.saved = savedOf(found, returns).map((seq) => mailbox.uidAt(seq))
  const only = returns.every((word) => word === 'SAVE')
  if (!only) session.output.line(esearch(tag, byUid, returns, numbers, modSeq))
  return 'Search completed'
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
