/**
 * How many messages one command works on: `imapd_message_limit` (RFC 9738). The newest are done, from the highest UID down, and the
 * client hears how far that went. COPY and APPEND are done whole or not at all; `imapd_save_limit` is of these alone.
 */
import { ImapError, normalise, type PartialRange, type SearchKey, type SequenceSet } from '../../../formats/imap/mod.ts'
import type { Selected } from '../../../mail/store/mod.ts'
import type { Session } from '../session.ts'
import { targetsOf } from './targets.ts'

export interface Limited {
  /** The messages to work on, from the highest down where they are not all. */
  readonly seqs: readonly number[]
  /** The response code where there are more. */
  readonly code: string | undefined
}

/** @param seqs ascending, or in any order */
export function withinLimit({ deps, mailbox }: Session, seqs: readonly number[]): Limited {
  const limit = deps.cf.imapd_message_limit
  if (limit === 0 || seqs.length <= limit) return { seqs, code: undefined }
  const newest = seqs.toSorted((a, b) => b - a).slice(0, limit)
  return { seqs: newest, code: codeOf(limit, mailbox, newest) }
}

const codeOf = (limit: number, mailbox: Selected, newest: readonly number[]): string =>
  `MESSAGELIMIT ${limit} ${mailbox.uidAt(newest.at(-1) ?? 0)}`

/** §3.1: a window that is larger than the limit is refused. */
export function refuseLargeWindow({ deps }: Session, window: PartialRange | undefined): void {
  const limit = deps.cf.imapd_message_limit
  if (limit === 0 || window === undefined || window.to - window.from < limit) return
  throw new ImapError('NO', `The window has more than ${limit} messages`, { code: `MESSAGELIMIT ${limit}` })
}

/** §3.3: what cannot be done in part. */
export function refuseLargeMailbox({ deps, mailbox }: Session): void {
  const limit = deps.cf.imapd_message_limit
  if (limit === 0 || mailbox.count <= limit) return
  throw new ImapError('NO', `The mailbox has more than ${limit} messages`, { code: `MESSAGELIMIT ${limit}` })
}

/** §3.1: nothing is copied; the client hears down to which UID it could be. */
export function refuseTooMany(session: Session, seqs: readonly number[]): void {
  const limit = saveLimit(session)
  if (limit === 0 || seqs.length <= limit) return
  const newest = seqs.toSorted((a, b) => b - a).slice(0, limit)
  throw new ImapError('NO', 'Too many messages to copy, try a smaller subset', {
    code: codeOf(limit, session.mailbox, newest),
  })
}

/** Of COPY and APPEND; 0 is no limit. */
export const saveLimit = ({ deps: { cf } }: Session): number => cf.imapd_message_limit || cf.imapd_save_limit

/** §3.1: beside another response code it comes before the tagged answer. */
export function completed(session: Session, text: string, code: string | undefined): string {
  if (code === undefined) return text
  if (!text.startsWith('[')) return `[${code}] ${text}, for the newest of them`
  session.output.line(`* NO [${code}] Only the newest of them`)
  return text
}

/** The messages that a program is about: those that it names by number or UID in its first level, else all. */
export function searched(session: Session, key: SearchKey): number[] {
  const { mailbox } = session
  const keys = key.key === 'AND' ? key.keys : [key]
  const sets = keys.flatMap((one) => (one.key === 'SEQ' || one.key === 'UID' ? [one] : []))
  // Numbers that no message has are passed over, as SEARCH does.
  const named = sets.map(({ key: by, set }) =>
    by === 'UID' ? new Set(targetsOf(session, set, true)) : numbersIn(set, mailbox.count),
  )
  const all = Array.from({ length: mailbox.count }, (_, i) => i + 1)
  return all.filter((seq) => named.every((some) => some.has(seq)))
}

function numbersIn(set: SequenceSet, count: number): ReadonlySet<number> {
  const numbers = new Set<number>()
  for (const [from, to] of normalise(set, count))
    for (let seq = Math.max(1, from); seq <= Math.min(count, to); seq++) numbers.add(seq)
  return numbers
}
