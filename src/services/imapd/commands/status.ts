/** STATUS. RFC 9051 §6.3.11, RFC 7162 (HIGHESTMODSEQ), RFC 8438 (SIZE), RFC 8474 (MAILBOXID), RFC 9208 (DELETED-STORAGE). */
import type { Cursor } from '../../../formats/imap/mod.ts'
import type { MailboxStatus } from '../../../mail/store/mod.ts'
import { allowed, noSuchMailbox, type Place, takeMailbox } from '../places.ts'
import { printName } from '../printing.ts'
import type { Session } from '../session.ts'

const VALUES: Readonly<Record<string, (status: MailboxStatus) => string>> = {
  MESSAGES: (s) => String(s.messages),
  RECENT: (s) => String(s.recent),
  UIDNEXT: (s) => String(s.uidNext),
  UIDVALIDITY: (s) => String(s.uidValidity),
  UNSEEN: (s) => String(s.unseen),
  DELETED: (s) => String(s.deleted),
  SIZE: (s) => String(s.sizeOctets),
  MAILBOXID: (s) => `(${s.objectId})`,
  HIGHESTMODSEQ: (s) => String(s.highestModSeq),
}

export function takeStatusItems(session: Session, cursor: Cursor): string[] {
  const items = cursor.takeList(() => {
    const word = cursor.takeAtom().toUpperCase()
    if (!(word in VALUES) && word !== 'APPENDLIMIT' && word !== 'DELETED-STORAGE')
      throw cursor.bad(`Unknown status item ${word}`)
    if (word === 'HIGHESTMODSEQ') session.condstore = true
    return word
  })
  if (items.length === 0) throw cursor.bad('Expected status items')
  return items
}

/** `* STATUS name (…)`; undefined where there is no such mailbox. Rights were looked at: `r`. */
export function statusLine(session: Session, place: Place, items: readonly string[]): string | undefined {
  const status = session.deps.store.status(place.account, place.name, session.owner)
  if (status === undefined) return undefined
  const limit = session.deps.cf.imapd_append_limit
  const valueOf = (item: string): string | number | undefined => {
    if (item === 'APPENDLIMIT') return limit > 0 ? limit : 'NIL'
    if (item === 'DELETED-STORAGE') return session.deps.store.deletedOctets(place.account, place.name)
    return VALUES[item]?.(status)
  }
  const values = items.map((item) => `${item} ${valueOf(item)}`)
  return `* STATUS ${printName(session, place.shown)} (${values.join(' ')})`
}

export function status(session: Session, cursor: Cursor): void {
  cursor.takeSpace()
  const name = takeMailbox(cursor)
  cursor.takeSpace()
  const items = takeStatusItems(session, cursor)
  cursor.takeEnd()
  const line = statusLine(session, allowed(session, name, 'r'), items)
  if (line === undefined) throw noSuchMailbox()
  session.output.line(line)
}
