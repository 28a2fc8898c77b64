/** GETQUOTA and GETQUOTAROOT. RFC 9208 §4.1; an account with a limit is one quota root, named "". */
import { type Cursor, decodeMailbox, ImapError } from '../../../formats/imap/mod.ts'
import type { Session } from '../session.ts'

/** STORAGE is counted in units of 1024 octets (RFC 9208 §5.1). */
const UNIT = 1024

export function getQuota(session: Session, cursor: Cursor): string {
  cursor.takeSpace()
  const root = cursor.takeAString()
  cursor.takeEnd()
  const line = quotaLine(session)
  if (root !== '' || line === undefined) throw new ImapError('NO', 'No such quota root', { code: 'NONEXISTENT' })
  session.output.line(line)
  return 'Getquota completed'
}

/** The mailbox need not be there: the client may ask which root a new one would have. */
export function getQuotaRoot(session: Session, cursor: Cursor): string {
  cursor.takeSpace()
  const name = decodeMailbox(cursor.takeAString())
  cursor.takeEnd()
  const line = quotaLine(session)
  session.output.line(`* QUOTAROOT ${session.printName(name)}${line === undefined ? '' : ' ""'}`)
  if (line !== undefined) session.output.line(line)
  return 'Getquotaroot completed'
}

/** undefined: the account has no limit. */
function quotaLine({ deps, owner }: Session): string | undefined {
  const limit = deps.store.quota(owner)
  if (limit === 0) return undefined
  const used = Math.ceil(deps.store.usage(owner).octets / UNIT)
  return `* QUOTA "" (STORAGE ${used} ${Math.floor(limit / UNIT)})`
}
