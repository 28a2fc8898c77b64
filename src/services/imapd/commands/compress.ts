/** COMPRESS. RFC 4978. */
import { type Cursor, ImapError } from '../../../formats/imap/mod.ts'
import type { Session } from '../session.ts'

export function compress(session: Session, cursor: Cursor): Promise<string> {
  cursor.takeSpace()
  const algorithm = cursor.takeAtom().toUpperCase()
  cursor.takeEnd()
  if (algorithm !== 'DEFLATE') throw new ImapError('BAD', 'The only compression is DEFLATE')
  if (session.connection.deflated) {
    throw new ImapError('NO', 'DEFLATE is active already', { code: 'COMPRESSIONACTIVE' })
  }
  return session.compress('DEFLATE active')
}
