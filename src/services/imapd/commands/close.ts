/** CHECK, CLOSE, UNSELECT, EXPUNGE. RFC 9051 §6.4.1 to §6.4.3, RFC 4315. */
import { type Cursor, ImapError, normalise, type SequenceSet, takeSequenceSet } from '../../../formats/imap/mod.ts'
import { refuseWithout } from '../places.ts'
import type { Session } from '../session.ts'
import { completed, withinLimit } from './message-limit.ts'
import { targetsOf } from './targets.ts'

export function check(_session: Session, cursor: Cursor): void {
  cursor.takeEnd()
}

/** Removes what is marked, without telling: the client does not want to hear of this mailbox any more. */
export async function close(session: Session, cursor: Cursor): Promise<void> {
  cursor.takeEnd()
  // RFC 4314 §4: without the right nothing is expunged, and the mailbox is closed all the same.
  if (!session.mailbox.readOnly && session.rights.includes('e')) await session.mailbox.expunge()
  session.close()
}

export function unselect(session: Session, cursor: Cursor): void {
  cursor.takeEnd()
  session.close()
}

export async function expunge(session: Session, cursor: Cursor): Promise<string> {
  cursor.takeEnd()
  refuseWithout(session.rights, 'e')
  refuseReadOnly(session)
  await session.mailbox.expunge()
  return expunged(session, 'Expunge completed')
}

/** With QRESYNC the client hears up to where it knows all (RFC 7162 §3.2.7): what left is told before. */
export async function expunged(session: Session, text: string): Promise<string> {
  if (!session.qresync) return text
  await session.tell({ expunges: true, uids: true, always: true })
  return `[HIGHESTMODSEQ ${session.mailbox.highestModSeq}] ${text}`
}

export async function uidExpunge(session: Session, cursor: Cursor): Promise<string> {
  cursor.takeSpace()
  const set = takeSequenceSet(cursor)
  cursor.takeEnd()
  refuseWithout(session.rights, 'e')
  refuseReadOnly(session)
  const { mailbox } = session
  const deleted = targetsOf(session, set, true).filter((seq) => mailbox.hasFlag(seq, '\\Deleted'))
  const { seqs, code } = withinLimit(session, deleted)
  await mailbox.expunge(code === undefined ? uidsOf(session, set) : new Set(seqs.map((seq) => mailbox.uidAt(seq))))
  return completed(session, await expunged(session, 'Expunge completed'), code)
}

function uidsOf({ mailbox, saved }: Session, set: SequenceSet | '$'): { has(uid: number): boolean } {
  if (set === '$') return new Set(saved)
  const ranges = normalise(set, Math.max(1, mailbox.uidAt(mailbox.count)))
  return { has: (uid) => ranges.some(([from, to]) => uid >= from && uid <= to) }
}

export function refuseReadOnly(session: Session): void {
  if (session.mailbox.readOnly) throw new ImapError('NO', 'Mailbox is read-only', { code: 'READ-ONLY' })
}
