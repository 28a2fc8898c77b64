/**
 * Clients that were set up for UW-IMAP name folders from the home directory on: `mail/Sent`. Where imapd_uw_prefix says so,
 * `mail/Sent` is Sent, and a client that has said one such name hears all names so, INBOX apart.
 */
import type { Session } from './session.ts'

type Spoken = Pick<Session, 'uwNames' | 'deps'>

/** What is meant; the session notes how its client speaks. */
export function withoutUwPrefix(session: Spoken, name: string): string {
  const prefix = session.deps.cf.imapd_uw_prefix
  if (prefix === '' || !name.startsWith(prefix)) return name
  session.uwNames = true
  return name.slice(prefix.length)
}

/** As the client calls it. Mailboxes of others lie in no home directory of the user's. */
export function withUwPrefix({ uwNames, deps }: Spoken, name: string): string {
  const { imapd_uw_prefix: prefix, imapd_other_users_prefix: others, imapd_shared_prefix: shared } = deps.cf
  if (!uwNames || name === '' || name === 'INBOX') return name
  const isOthers = [others, shared].some((one) => one !== '' && `${name}/`.startsWith(one.replace(/\/*$/, '/')))
  return isOthers ? name : prefix + name
}

/** A pattern below the prefix is one of the names without it, but never of INBOX. */
export function uwPattern(session: Spoken, pattern: string): { readonly pattern: string; readonly inbox: boolean } {
  const meant = withoutUwPrefix(session, pattern)
  return { pattern: meant, inbox: meant === pattern }
}
