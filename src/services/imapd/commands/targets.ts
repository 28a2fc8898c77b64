/** The messages a command names: by number or by UID, as sequence numbers of the session. */
import { type Cursor, ImapError, normalise, type SequenceSet, takeSequenceSet } from '../../../formats/imap/mod.ts'
import type { Session } from '../session.ts'

/** Throws for a number that no message has (RFC 9051 §9: only existing ones); unknown UIDs are passed over. */
export function takeTargets(session: Session, cursor: Cursor, byUid: boolean): number[] {
  return targetsOf(session, takeSequenceSet(cursor), byUid)
}

export function targetsOf(session: Session, set: SequenceSet | '$', byUid: boolean): number[] {
  const { mailbox } = session
  const seqs: number[] = []
  if (set === '$') {
    for (const uid of session.saved) {
      const seq = mailbox.seqOf(uid)
      if (seq > 0) seqs.push(seq)
    }
    return seqs
  }
  if (!byUid) {
    const ranges = normalise(set, mailbox.count)
    for (const [from, to] of ranges) {
      if (from < 1 || to > mailbox.count) throw new ImapError('BAD', 'No message has that number')
      for (let seq = from; seq <= to; seq++) seqs.push(seq)
    }
    return seqs
  }
  if (mailbox.count === 0) return seqs
  for (const [from, to] of normalise(set, mailbox.uidAt(mailbox.count))) {
    const end = mailbox.lowerBound(to + 1)
    for (let seq = mailbox.lowerBound(from); seq < end; seq++) seqs.push(seq)
  }
  return seqs
}
