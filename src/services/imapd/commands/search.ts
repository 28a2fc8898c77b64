/** SEARCH. RFC 9051 §6.4.4; the old form for those who do not ask for RETURN. RFC 5182 (SAVE), RFC 5267, RFC 9394. */
import {
  type Cursor,
  ImapError,
  printSet,
  type SearchCommand,
  type SearchReturn,
  type SortCriterion,
  takeSearch,
  windowOf,
} from '../../../formats/imap/mod.ts'
import type { Selected } from '../../../mail/store/mod.ts'
import { Bye } from '../errors.ts'
import type { Session } from '../session.ts'
import { completed, refuseLargeWindow, searched, withinLimit } from './message-limit.ts'

export const search = (session: Session, cursor: Cursor): Promise<string> => run(session, cursor, false)
export const uidSearch = (session: Session, cursor: Cursor): Promise<string> => run(session, cursor, true)

async function run(session: Session, cursor: Cursor, byUid: boolean): Promise<string> {
  cursor.takeSpace()
  const command = takeSearch(cursor, session)
  cursor.takeEnd()
  return searchLimited(session, { ...command, word: 'SEARCH', byUid })
}

/** RFC 9738: among the newest messages only, where there are more than one command works on. */
export async function searchLimited(session: Session, command: Answered): Promise<string> {
  refuseLargeWindow(session, command.partial)
  const { seqs, code } =
    session.deps.cf.imapd_message_limit > 0 ? withinLimit(session, searched(session, command.key)) : {}
  const among = code === undefined ? undefined : seqs?.toSorted((a, b) => a - b)
  const asked = { ...command, isLimited: code !== undefined }
  return completed(session, await answerFound(session, asked, () => find(session, command.key, among)), code)
}

/** Searches the selected mailbox; a client that waits hears how far it came. */
export function find(
  session: Session,
  key: SearchCommand['key'],
  among?: readonly number[],
): Promise<readonly number[]> {
  return session.mailbox.search(key, progressOf(session), among)
}

/** Notes how far the command in progress has come. Nothing is sought for a client that is gone. */
export function progressOf({ running, connection }: Session): (done: number, goal: number) => void {
  return (done, goal) => {
    if (connection.closed) throw new Bye('Connection lost')
    running.progress = { done, goal }
  }
}

export interface Answered extends SearchCommand {
  readonly word: 'SEARCH' | 'SORT'
  readonly byUid: boolean
  /** What tells the mailbox (RFC 7377); then nothing is said where nothing was found. */
  readonly correlators?: string
  /** Not all messages were looked at (RFC 9738). */
  readonly isLimited?: boolean
  /** Of a SORT. */
  readonly criteria?: readonly SortCriterion[]
}

/** Searches or sorts, and answers it; `found` comes in the order asked for. */
export async function answerFound(
  session: Session,
  command: Answered,
  search: () => Promise<readonly number[]>,
): Promise<string> {
  const { mailbox, running } = session
  const { tag } = running
  const { word, byUid } = command
  const returns = command.returns ?? (session.rev2 && word === 'SEARCH' ? (['ALL'] as const) : undefined)
  const updates = returns?.includes('UPDATE') === true
  if (updates && session.contexts.has(tag)) throw new ImapError('BAD', 'Tag reuse')
  const found = await orForget(session, returns, search)
  const scores = returns?.includes('RELEVANCY') === true ? await mailbox.relevancy(found, command.key) : []
  await running.turn()
  if (command.modSeq) session.condstore = true
  const numbers = byUid ? found.map((seq) => mailbox.uidAt(seq)) : found
  if (returns === undefined) {
    const highest = highestOf(mailbox, command, found)
    session.output.line(`* ${word}${numbers.map((n) => ` ${n}`).join('')}${highest && ` (${highest})`}`)
    return completedText(word)
  }
  const about = aboutOf(found, returns, command.partial)
  if (returns.includes('SAVE')) session.saved = about.map((seq) => mailbox.uidAt(seq)).sort((a, b) => a - b)
  const isSilent = command.correlators !== undefined && found.length === 0
  if (!isSilent && !returns.every((one) => one === 'SAVE')) {
    const data = resultData(returns, numbers, command.partial, scores)
    const highest = highestOf(mailbox, command, about)
    session.output.line(
      [`* ESEARCH (TAG "${tag}"${command.correlators ?? ''})`, byUid ? 'UID' : '', data, highest]
        .filter(Boolean)
        .join(' '),
    )
  }
  if (updates) follow(session, command, found)
  return completedText(word)
}

const completedText = (word: Answered['word']): string => `${word === 'SORT' ? 'Sort' : 'Search'} completed`

/** RFC 5182 §2.1: a SEARCH with SAVE that fails leaves nothing behind `$`. */
async function orForget(
  session: Session,
  returns: readonly SearchReturn[] | undefined,
  search: () => Promise<readonly number[]>,
): Promise<readonly number[]> {
  try {
    return await search()
  } catch (error) {
    if (returns?.includes('SAVE') === true) session.saved = []
    throw error
  }
}

/** RFC 5267 §4.3.1: one too many is refused, the search itself is not. */
function follow(
  session: Session,
  { byUid, key, criteria, updateItems, isLimited }: Answered,
  found: readonly number[],
): void {
  const { tag, contexts, mailbox } = session
  // How relevant a message is depends on all its text: its place among others is not followed.
  const isFollowed = criteria?.some((criterion) => criterion.key === 'RELEVANCY') !== true
  if (contexts.full || !isFollowed || isLimited === true)
    session.output.line(`* NO [NOUPDATE "${tag}"] It is not followed`)
  else contexts.add(mailbox, { tag, byUid, key, criteria, items: updateItems ?? [] }, found)
}

/** `MODSEQ n`, where it was among the keys. RFC 4731 §3.2: of the messages that the answer is about. */
export function highestOf(
  mailbox: Selected,
  { modSeq }: Pick<SearchCommand, 'modSeq'>,
  seqs: readonly number[],
): string {
  if (!modSeq) return ''
  const highest = seqs.reduce((most, seq) => (mailbox.modSeqAt(seq) > most ? mailbox.modSeqAt(seq) : most), 0n)
  return highest > 0n ? `MODSEQ ${highest}` : ''
}

/** RFC 5182 §2.4, RFC 9394 §3.2: with MIN, MAX or PARTIAL alone only these are meant. */
function aboutOf(
  found: readonly number[],
  returns: readonly SearchReturn[],
  partial: SearchCommand['partial'],
): readonly number[] {
  if (returns.includes('ALL') || returns.includes('COUNT') || found.length === 0) return found
  const some = [
    ...(returns.includes('MIN') ? [found[0]!] : []),
    ...(returns.includes('MAX') ? [found.at(-1)!] : []),
    ...(partial === undefined ? [] : windowOf(found, partial)),
  ]
  return some.length === 0 && partial === undefined ? found : [...new Set(some)]
}

/** `search-return-data` of RFC 9051 §7.3.4 and RFC 9394 §4. */
export function resultData(
  returns: readonly SearchReturn[],
  numbers: readonly number[],
  partial: SearchCommand['partial'],
  scores: readonly number[],
): string {
  const parts: string[] = []
  if (numbers.length > 0) {
    if (returns.includes('MIN')) parts.push(`MIN ${numbers[0]}`)
    if (returns.includes('MAX')) parts.push(`MAX ${numbers.at(-1)}`)
    if (returns.includes('ALL')) parts.push(`ALL ${printSet(numbers)}`)
  }
  if (returns.includes('COUNT')) parts.push(`COUNT ${numbers.length}`)
  if (partial !== undefined) parts.push(`PARTIAL (${partial.text} ${printSet(windowOf(numbers, partial)) || 'NIL'})`)
  if (returns.includes('RELEVANCY'))
    parts.push(`RELEVANCY (${(partial === undefined ? scores : windowOf(scores, partial)).join(' ')})`)
  return parts.join(' ')
}
