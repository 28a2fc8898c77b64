/** CANCELUPDATE. RFC 5267 §4.3.5. */
import type { Cursor } from '../../../formats/imap/mod.ts'
import type { Session } from '../session.ts'

export function cancelUpdate(session: Session, cursor: Cursor): string {
  do {
    cursor.takeSpace()
    session.contexts.cancel(cursor.takeString().toString('latin1'))
  } while (!cursor.done)
  return 'No further updates'
}
