/** CAPABILITY, NOOP, LOGOUT, UNAUTHENTICATE, ID, ENABLE, STARTTLS. RFC 9051 §6.1, RFC 2971, RFC 5161, RFC 8437. */
import { type Cursor, ImapError } from '../../../formats/imap/mod.ts'
import { capabilitiesOf } from '../capabilities.ts'
import type { Session } from '../session.ts'

export function capability(session: Session, cursor: Cursor): void {
  cursor.takeEnd()
  session.output.line(`* CAPABILITY ${capabilitiesOf(session).join(' ')}`)
}

/** Changes are told by the dispatcher, before the tagged answer. */
export function noop(_session: Session, cursor: Cursor): void {
  cursor.takeEnd()
}

export function logout(session: Session, cursor: Cursor): void {
  cursor.takeEnd()
  session.output.line('* BYE Logging out')
  session.leave()
}

export function unauthenticate(session: Session, cursor: Cursor): string | Promise<string> {
  cursor.takeEnd()
  session.unauthenticate()
  const text = `[CAPABILITY ${capabilitiesOf(session).join(' ')}] Logged out of the account`
  return session.connection.deflated ? session.stopCompression(text) : text
}

/** RFC 2971 §3.3: at most 30 pairs. */
const ID_LIMIT = 60

export function id(session: Session, cursor: Cursor): void {
  cursor.takeSpace()
  if (!cursor.skip('NIL')) {
    const words = cursor.takeList(() => cursor.takeNString())
    if (words.length > ID_LIMIT || words.length % 2 !== 0) throw new ImapError('BAD', 'ID takes at most 30 pairs')
  }
  cursor.takeEnd()
  session.output.line(`* ID ("name" "Postigo" "version" "${session.deps.version}")`)
}

export function enable(session: Session, cursor: Cursor): void {
  const enabled: string[] = []
  do {
    cursor.takeSpace()
    const word = cursor.takeAtom().toUpperCase()
    if (word === 'IMAP4REV2') session.rev2 = true
    else if (word === 'UTF8=ACCEPT') session.utf8 = true
    else if (word === 'CONDSTORE') session.condstore = true
    else if (word === 'QRESYNC') session.qresync = session.condstore = true // RFC 7162 §3.2.3
    // RFC 5464 §4.1: changes by others are told from here on.
    else if (word === 'METADATA' || word === 'METADATA-SERVER') session.metadataNews.follow(session.owner)
    else if (word === 'UIDONLY') session.uidOnly = true
    else continue // RFC 5161 §3.1: unknown ones are passed over
    enabled.push(word === 'IMAP4REV2' ? 'IMAP4rev2' : word)
  } while (!cursor.done)
  session.output.line(`* ENABLED${enabled.map((word) => ` ${word}`).join('')}`)
}

export async function starttls(session: Session, cursor: Cursor): Promise<string | void> {
  cursor.takeEnd()
  if (session.connection.tls !== undefined) throw new ImapError('BAD', 'TLS is already active')
  if (!session.deps.tlsAvailable) throw new ImapError('NO', 'TLS is not available', { code: 'UNAVAILABLE' })
  return session.startTls()
}
