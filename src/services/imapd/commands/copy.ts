/** COPY and MOVE. RFC 9051 §6.4.7, §6.4.8, RFC 6851, RFC 4315, RFC 9738 (SAVELIMIT). */
import { type Cursor, decodeMailbox, ImapError } from '../../../formats/imap/mod.ts'
import { refusal } from '../errors.ts'
import type { Session } from '../session.ts'
import { expunged, refuseReadOnly } from './close.ts'
import { takeTargets } from './targets.ts'

export const copy = (session: Session, cursor: Cursor): Promise<string> => run(session, cursor, false, false)
export const uidCopy = (session: Session, cursor: Cursor): Promise<string> => run(session, cursor, true, false)
export const move = (session: Session, cursor: Cursor): Promise<string> => run(session, cursor, false, true)
export const uidMove = (session: Session, cursor: Cursor): Promise<string> => run(session, cursor, true, true)

async function run(session: Session, cursor: Cursor, byUid: boolean, moves: boolean): Promise<string> {
  cursor.takeSpace()
  const seqs = takeTargets(session, cursor, byUid)
  cursor.takeSpace()
  const target = decodeMailbox(cursor.takeAString())
  cursor.takeEnd()
  if (moves) refuseReadOnly(session)
  else refuseTooMany(session, seqs)
  const { mailbox } = session
  const copied = moves ? await mailbox.move(seqs, target) : await mailbox.copy(seqs, target)
  if ('refused' in copied) throw refusal(copied)
  if (copied.uids.length === 0) return 'Nothing to do'
  session.news.added(
    target,
    copied.uids.map(([, uid]) => uid),
  )
  const code = `COPYUID ${copied.uidValidity} ${ordered(copied.uids.map(([from]) => from))} ${ordered(copied.uids.map(([, to]) => to))}`
  if (!moves) return `[${code}] Copy completed`
  // RFC 6851 §4.3: before the EXPUNGEs, which the dispatcher tells.
  session.output.line(`* OK [${code}] Moved`)
  return expunged(session, 'Move completed')
}

/** RFC 9738 §3.1: nothing is copied; the client hears down to which UID it could be. */
function refuseTooMany({ deps, mailbox }: Session, seqs: readonly number[]): void {
  const limit = deps.cf.imapd_save_limit
  if (limit === 0 || seqs.length <= limit) return
  const lowest = seqs.toSorted((a, b) => b - a)[limit - 1] ?? 0
  throw new ImapError('NO', 'Too many messages to copy, try a smaller subset', {
    code: `MESSAGELIMIT ${limit} ${mailbox.uidAt(lowest)}`,
  })
}

/** Ranges in the order of the pairs: RFC 4315 §3 wants the first of one set to go with the first of the other. */
function ordered(uids: readonly number[]): string {
  const parts: string[] = []
  for (let i = 0; i < uids.length;) {
    let end = i
    while (end + 1 < uids.length && uids[end + 1] === uids[end]! + 1) end++
    parts.push(end === i ? String(uids[i]) : `${uids[i]}:${uids[end]}`)
    i = end + 1
  }
  return parts.join(',')
}
