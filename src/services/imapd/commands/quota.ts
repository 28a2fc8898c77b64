/** GETQUOTA and GETQUOTAROOT. RFC 9208 §4.1; an account is one quota root, named "". */
import { type Cursor, decodeMailbox, ImapError } from '../../../formats/imap/mod.ts'
import { printName } from '../printing.ts'
import type { Session } from '../session.ts'

/** STORAGE is counted in units of 1024 octets (RFC 9208 §5.1). */
const UNIT = 1024

export function getQuota(session: Session, cursor: Cursor): string {
  cursor.takeSpace()
  const root = cursor.takeAString()
  cursor.takeEnd()
  if (root !== '') throw new ImapError('NO', 'No such quota root', { code: 'NONEXISTENT' })
  session.output.line(quotaLine(session))
  return 'Getquota completed'
}

/** The mailbox need not be there: the client may ask which root a new one would have. */
export function getQuotaRoot(session: Session, cursor: Cursor): string {
  cursor.takeSpace()
  const name = decodeMailbox(cursor.takeAString())
  cursor.takeEnd()
  session.output.line(`* QUOTAROOT ${printName(session, name)} ""`)
  session.output.line(quotaLine(session))
  return 'Getquotaroot completed'
}

/** Resources without a limit are not named (RFC 9208 §4.2.1). */
function quotaLine({ deps: { store }, owner }: Session): string {
  const limits = store.limits(owner)
  const used = store.usage(owner)
  const resources: string[] = []
  if (limits.octets > 0) resources.push(`STORAGE ${Math.ceil(used.octets / UNIT)} ${Math.floor(limits.octets / UNIT)}`)
  if (limits.messages > 0) resources.push(`MESSAGE ${used.messages} ${limits.messages}`)
  if (limits.mailboxes > 0) resources.push(`MAILBOX ${store.mailboxes(owner).length} ${limits.mailboxes}`)
  return `* QUOTA "" (${resources.join(' ')})`
}
