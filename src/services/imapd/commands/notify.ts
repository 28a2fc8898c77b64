/** NOTIFY. RFC 5465 §3.1: what the client hears without asking, and of which mailboxes. */
import { type Cursor, takeNotify } from '../../../formats/imap/mod.ts'
import { Notifications } from '../notifications.ts'
import type { Session } from '../session.ts'

export async function notify(session: Session, cursor: Cursor): Promise<string> {
  cursor.takeSpace()
  const command = takeNotify(cursor)
  cursor.takeEnd()
  const groups = command === 'NONE' ? [] : command.groups
  // §3.1: an implied NOOP; with what is asked for from now on, something may never be told.
  if (command !== 'NONE') await session.tell({ expunges: true, uids: true, always: true })
  for (const { items } of groups) if (items.some(({ item }) => item === 'MODSEQ')) session.condstore = true
  session.notifications?.end()
  const notifications = (session.notifications = new Notifications(session, groups))
  if (command !== 'NONE') notifications.tellNoAccess()
  if (command !== 'NONE' && command.status) await notifications.tellStatus()
  return 'Notify completed'
}
