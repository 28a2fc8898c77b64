/** COPY and MOVE. RFC 9051 §6.4.7, §6.4.8, RFC 6851, RFC 4315, RFC 9738. */
import type { Cursor, Rights } from '../../../formats/imap/mod.ts'
import type { Copied } from '../../../mail/store/mod.ts'
import { refusal } from '../errors.ts'
import { allowed, refuseWithout, takeMailbox } from '../places.ts'
import type { Session } from '../session.ts'
import { expunged, refuseReadOnly } from './close.ts'
import { completed, refuseTooMany, withinLimit } from './message-limit.ts'
import { takeTargets } from './targets.ts'

export const copy = (session: Session, cursor: Cursor): Promise<string> => run(session, cursor, false, false)
export const uidCopy = (session: Session, cursor: Cursor): Promise<string> => run(session, cursor, true, false)
export const move = (session: Session, cursor: Cursor): Promise<string> => run(session, cursor, false, true)
export const uidMove = (session: Session, cursor: Cursor): Promise<string> => run(session, cursor, true, true)

async function run(session: Session, cursor: Cursor, byUid: boolean, moves: boolean): Promise<string> {
  cursor.takeSpace()
  const named = takeTargets(session, cursor, byUid)
  cursor.takeSpace()
  const name = takeMailbox(cursor)
  cursor.takeEnd()
  const target = allowed(session, name, 'i', 'TRYCREATE')
  // RFC 6851 §4.2: as STORE, COPY and EXPUNGE together.
  if (moves) refuseWithout(session.rights, 'te')
  if (moves) refuseReadOnly(session)
  else refuseTooMany(session, named)
  const { mailbox } = session
  const { seqs, code: limit } = moves ? withinLimit(session, named) : { seqs: named }
  const copied = moves ? await mailbox.move(seqs, target) : await mailbox.copy(seqs, target)
  if ('refused' in copied) throw refusal(copied)
  if (copied.uids.length === 0) return 'Nothing to do'
  session.news.added(
    target.shown,
    copied.uids.map(([, uid]) => uid),
  )
  const code = copyUid(target, copied)
  if (!moves) return `${code}Copy completed`
  // RFC 6851 §4.3: before the EXPUNGEs, which the dispatcher tells.
  if (code !== '') session.output.line(`* OK ${code}Moved`)
  return completed(session, await expunged(session, 'Move completed'), limit)
}

/** RFC 9051 §11.4: it tells of the mailbox, and so is for those alone who may select it. */
function copyUid({ rights }: { readonly rights: Rights }, { uids, uidValidity }: Copied): string {
  if (!rights.includes('r')) return ''
  return `[COPYUID ${uidValidity} ${ordered(uids.map(([from]) => from))} ${ordered(uids.map(([, to]) => to))}] `
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
