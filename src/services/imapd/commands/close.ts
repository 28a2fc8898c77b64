/** CHECK, CLOSE, UNSELECT, EXPUNGE. RFC 9051 §6.4.1 to §6.4.3, RFC 4315. */
import { type Cursor, ImapError, normalise, takeSequenceSet } from '../../../formats/imap/mod.ts'
import type { Session } from '../session.ts'

export function check(_session: Session, cursor: Cursor): void {
  cursor.takeEnd()
}

/** Removes what is marked, without telling: the client does not want to hear of this mailbox any more. */
export async function close(session: Session, cursor: Cursor): Promise<void> {
  cursor.takeEnd()
  if (!session.mailbox.readOnly) await session.mailbox.expunge()
  session.close()
}

export function unselect(session: Session, cursor: Cursor): void {
  cursor.takeEnd()
  session.close()
}

export async function expunge(session: Session, cursor: Cursor): Promise<string> {
  cursor.takeEnd()
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
  refuseReadOnly(session)
  if (set === '$') {
    await session.mailbox.expunge(new Set(session.saved))
    return expunged(session, 'Expunge completed')
  }
  const ranges = normalise(set, Math.max(1, session.mailbox.uidAt(session.mailbox.count)))
  await session.mailbox.expunge({ has: (uid) => ranges.some(([from, to]) => uid >= from && uid <= to) })
  return expunged(session, 'Expunge completed')
}

export function refuseReadOnly(session: Session): void {
  if (session.mailbox.readOnly) throw new ImapError('NO', 'Mailbox is read-only', { code: 'READ-ONLY' })
}
