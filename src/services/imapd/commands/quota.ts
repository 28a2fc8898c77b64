/**
 * GETQUOTA, GETQUOTAROOT and SETQUOTA. RFC 9208 §4.1. An account is one quota root: `""` is the client's own; administrators
 * (`imapd_admin_users`) name any by `#user/ADDRESS`, and set its limits, in the rows that `postigo account quota` sets.
 */
import { type Cursor, decodeMailbox, ImapError, type SetQuota, takeSetQuota } from '../../../formats/imap/mod.ts'
import { printName } from '../printing.ts'
import type { Session } from '../session.ts'

/** STORAGE is counted in units of 1024 octets (RFC 9208 §5.1). */
const UNIT = 1024

const USER = '#user/'

export function getQuota(session: Session, cursor: Cursor): string {
  cursor.takeSpace()
  const root = cursor.takeAString()
  cursor.takeEnd()
  session.output.line(quotaLine(session, root, accountOf(session, root)))
  return 'Getquota completed'
}

/** The mailbox need not be there: the client may ask which root a new one would have. */
export function getQuotaRoot(session: Session, cursor: Cursor): string {
  cursor.takeSpace()
  const name = decodeMailbox(cursor.takeAString())
  cursor.takeEnd()
  session.output.line(`* QUOTAROOT ${printName(session, name)} ""`)
  session.output.line(quotaLine(session, '', session.owner))
  return 'Getquotaroot completed'
}

/** §4.1.3: what is not named has no limit of its own any more; then what holds for all accounts does. */
export async function setQuota(session: Session, cursor: Cursor): Promise<string> {
  cursor.takeSpace()
  const { root, limits } = takeSetQuota(cursor)
  if (!session.isAdmin) throw new ImapError('NO', 'Limits are set by administrators', { code: 'NOPERM' })
  const account = accountOf(session, root)
  if ([...limits.values()].some((limit) => limit === 0))
    throw new ImapError('NO', 'A limit is 1 at least; without one, what holds for all accounts does', {
      code: 'CANNOT',
    })
  await session.deps.accounts.setQuota(account, {
    quotaOctets: octetsOf(limits),
    quotaMessages: limits.get('MESSAGE') ?? 0,
    quotaMailboxes: limits.get('MAILBOX') ?? 0,
  })
  session.output.line(quotaLine(session, root, account))
  return 'Setquota completed'
}

function octetsOf(limits: SetQuota['limits']): number {
  const octets = (limits.get('STORAGE') ?? 0) * UNIT
  if (!Number.isSafeInteger(octets)) throw new ImapError('NO', 'The limit is too large', { code: 'LIMIT' })
  return octets
}

/** @throws NO for a root that is not there, or not to be seen */
function accountOf(session: Session, root: string): number {
  if (root === '') return session.owner
  const named =
    session.isAdmin && root.startsWith(USER) ? session.deps.accounts.find(root.slice(USER.length)) : undefined
  if (named === undefined) throw new ImapError('NO', 'No such quota root', { code: 'NONEXISTENT' })
  return named.id
}

/** Resources without a limit are not named (RFC 9208 §4.2.1). */
function quotaLine(session: Session, root: string, account: number): string {
  const { store } = session.deps
  const limits = store.limits(account)
  const used = store.usage(account)
  const resources: string[] = []
  if (limits.octets > 0) resources.push(`STORAGE ${Math.ceil(used.octets / UNIT)} ${Math.floor(limits.octets / UNIT)}`)
  if (limits.messages > 0) resources.push(`MESSAGE ${used.messages} ${limits.messages}`)
  if (limits.mailboxes > 0) resources.push(`MAILBOX ${store.mailboxes(account).length} ${limits.mailboxes}`)
  return `* QUOTA "${root.replace(/["\\]/g, '\\$&')}" (${resources.join(' ')})`
}
