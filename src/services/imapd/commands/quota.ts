/**
 * GETQUOTA, GETQUOTAROOT and SETQUOTA. RFC 9208 §4.1. An account is one quota root: `""` is the client's own, `#user/ADDRESS` that
 * of somebody who lets the client read a mailbox, `#shared` that of shared ones. Administrators (`imapd_admin_users`) name
 * any, and set its limits, in the rows that `postigo account quota` sets.
 */
import { type Cursor, ImapError, type SetQuota, takeSetQuota } from '../../../formats/imap/mod.ts'
import type { AccountId } from '../../../mail/accounts/mod.ts'
import { SHARED_ACCOUNT } from '../../../mail/store/mod.ts'
import { allowed, identifiedBy, nameOf, placeOf, takeMailbox } from '../places.ts'
import { printName } from '../printing.ts'
import type { Session } from '../session.ts'

/** STORAGE is counted in units of 1024 octets (RFC 9208 §5.1). */
const UNIT = 1024

const USER = '#user/'
const SHARED = '#shared'

export function getQuota(session: Session, cursor: Cursor): string {
  cursor.takeSpace()
  const root = cursor.takeAString()
  cursor.takeEnd()
  session.output.line(quotaLine(session, root, accountOf(session, root)))
  return 'Getquota completed'
}

/** An own mailbox need not be there: the client may ask which root a new one would have. Others need `r` (RFC 9208 §6). */
export function getQuotaRoot(session: Session, cursor: Cursor): string {
  cursor.takeSpace()
  const name = takeMailbox(cursor)
  cursor.takeEnd()
  const place = placeOf(session, name)
  const { account, shown } = place?.account === session.owner ? place : allowed(session, name, 'r')
  const root = rootOf(session, account)
  session.output.line(`* QUOTAROOT ${printName(session, shown)} ${quoted(root)}`)
  session.output.line(quotaLine(session, root, account))
  return 'Getquotaroot completed'
}

/** §4.1.3: what is not named has no limit of its own any more; then what holds for all accounts does. */
export async function setQuota(session: Session, cursor: Cursor): Promise<string> {
  cursor.takeSpace()
  const { root, limits } = takeSetQuota(cursor)
  if (!session.isAdmin) throw new ImapError('NO', 'Limits are set by administrators', { code: 'NOPERM' })
  const account = accountOf(session, root)
  if (account === SHARED_ACCOUNT)
    throw new ImapError('NO', 'Shared mailboxes have the limits of main.cf', { code: 'CANNOT' })
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
function accountOf(session: Session, root: string): AccountId {
  if (root === '') return session.owner
  const named =
    root === SHARED
      ? SHARED_ACCOUNT
      : root.startsWith(USER)
        ? identifiedBy(session, root.slice(USER.length))
        : undefined
  if (named === undefined || !(session.isAdmin || named === session.owner || reads(session, named)))
    throw new ImapError('NO', 'No such quota root', { code: 'NONEXISTENT' })
  return named
}

/** Whether the user may read some mailbox of an account. */
function reads({ deps, owner }: Session, whose: AccountId): boolean {
  return deps.store.sharedWith(owner).some(({ account, rights }) => account === whose && rights.includes('r'))
}

function rootOf(session: Session, account: AccountId): string {
  if (account === session.owner) return ''
  return account === SHARED_ACCOUNT ? SHARED : `${USER}${nameOf(session, account)}`
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
  return `* QUOTA ${quoted(root)} (${resources.join(' ')})`
}

const quoted = (root: string): string => `"${root.replace(/["\\]/g, '\\$&')}"`
