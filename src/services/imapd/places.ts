/**
 * Where a name leads that a client says, and what its user may do there: the one resolver of all commands. RFC 2342, RFC 4314.
 *
 *     Drafts                        the user's own
 *     Other Users/ana/Projects      Projects of ana             imapd_other_users_prefix
 *     Shared/Info                   nobody's, made by the administrator    imapd_shared_prefix
 *
 * An own mailbox that was there under one of the prefixes before is still the user's own.
 */
import { ALL_RIGHTS, type Cursor, decodeMailbox, ImapError, type Rights } from '../../formats/imap/mod.ts'
import { type AccountId, accountName } from '../../mail/accounts/mod.ts'
import { canonicalName, SHARED_ACCOUNT } from '../../mail/store/mod.ts'
import type { Session } from './session.ts'
import { withoutUwPrefix } from './uw-prefix.ts'

export interface Place {
  /** Whose it is. */
  readonly account: AccountId
  /** Its name there. */
  readonly name: string
  /** What this client calls it, in its one spelling. */
  readonly shown: string
}

/** What names begin with, as they are written in main.cf; `''`: there are none. */
function prefixOf(setting: string): string {
  return canonicalName(setting.replace(/\/+$/, ''))
}

export function otherUsersPrefix({ deps }: Session): string {
  return prefixOf(deps.cf.imapd_other_users_prefix)
}

export function sharedPrefix({ deps }: Session): string {
  return prefixOf(deps.cf.imapd_shared_prefix)
}

/** Where a name leads, whether there is such a mailbox or not; undefined: nowhere, as below an account that is not there. */
export function placeOf(session: Session, wanted: string): Place | undefined {
  const shown = canonicalName(withoutUwPrefix(session, wanted))
  const own = ownPlace(session.owner, shown)
  const prefixes = [sharedPrefix(session), otherUsersPrefix(session)] as const
  let [shared, others] = prefixes.map((prefix) => belowPrefix(shown, prefix))
  // Where one lies below the other, the longer one is meant.
  if (shared !== undefined && others !== undefined)
    if (prefixes[0].length >= prefixes[1].length) others = undefined
    else shared = undefined
  if (shared === undefined && others === undefined) return own
  if (session.deps.store.rights(session.owner, shown, session.owner) !== undefined) return own
  if (shared !== undefined) return shared === '' ? undefined : { account: SHARED_ACCOUNT, name: shared, shown }
  const slash = others?.indexOf('/') ?? -1
  if (others === undefined || slash < 0) return undefined
  const account = identifiedBy(session, others.slice(0, slash))
  const name = canonicalName(others.slice(slash + 1))
  if (account === undefined || name === '') return undefined
  const shownAs = shownName(session, account, name)
  return shownAs === undefined ? undefined : { account, name, shown: shownAs }
}

/** A mailbox of the user's own. */
export function ownPlace(account: AccountId, name: string): Place {
  return { account, name, shown: name }
}

/** What stands below a prefix: `''` for the prefix itself, undefined elsewhere. */
function belowPrefix(name: string, prefix: string): string | undefined {
  if (prefix === '') return undefined
  if (name === prefix) return ''
  return name.startsWith(`${prefix}/`) ? name.slice(prefix.length + 1) : undefined
}

/** What this client calls a mailbox; undefined: it has no name for it. */
export function shownName(session: Session, account: AccountId, name: string): string | undefined {
  const above = shownAbove(session, account)
  return above === undefined ? undefined : above + name
}

/** The same of many mailboxes: each account is looked up once. */
export function shownNames(session: Session): (account: AccountId, name: string) => string | undefined {
  const known = new Map<AccountId, string | undefined>()
  return (account, name) => {
    if (!known.has(account)) known.set(account, shownAbove(session, account))
    const above = known.get(account)
    return above === undefined ? undefined : above + name
  }
}

/** What stands before the names of an account's mailboxes. */
function shownAbove(session: Session, account: AccountId): string | undefined {
  if (account === session.owner) return ''
  const prefix = account === SHARED_ACCOUNT ? sharedPrefix(session) : otherUsersPrefix(session)
  if (prefix === '') return undefined
  if (account === SHARED_ACCOUNT) return `${prefix}/`
  const owner = nameOf(session, account)
  return owner === undefined || owner.includes('/') ? undefined : `${prefix}/${owner}/`
}

/** The account of any of its names, also one that cannot log in; undefined: there is none. */
export function identifiedBy({ deps }: Session, name: string): AccountId | undefined {
  return deps.accounts.find(name)?.id
}

/** The name that an account goes by; undefined: it is gone. */
export function nameOf({ deps }: Session, id: AccountId): string | undefined {
  const account = deps.accounts.byId(id)
  return account && accountName(account)
}

export function takeMailbox(cursor: Cursor): string {
  return decodeMailbox(cursor.takeAString())
}

/** What the user may do; undefined: there is no such mailbox. */
export function rightsAt(session: Session, place: Place): Rights | undefined {
  return session.deps.store.rights(place.account, place.name, session.owner)
}

/**
 * The mailbox that a name leads to, where the user has all of these rights. Throws NO: with NOPERM where the user may know that
 * there is such a mailbox, else as if there were none (RFC 4314 §6).
 * @param missing the response code for a mailbox that is not there
 */
export function allowed(
  session: Session,
  wanted: string,
  needed: string,
  missing: 'NONEXISTENT' | 'TRYCREATE' = 'NONEXISTENT',
): Place & { readonly rights: Rights } {
  const place = placeOf(session, wanted)
  const rights = place && (rightsAt(session, place) ?? inboxToBe(session, place))
  if (place === undefined || rights === undefined) throw noSuchMailbox(missing)
  refuseWithout(rights, needed, missing)
  return { ...place, rights }
}

/** INBOX of an account that was made while no server ran is made when it is first used. */
function inboxToBe({ owner }: Session, { account, name }: Place): Rights | undefined {
  return account === owner && name === 'INBOX' ? ALL_RIGHTS : undefined
}

/** Throws where one of the rights is not there. */
export function refuseWithout(
  rights: Rights,
  needed: string,
  missing: 'NONEXISTENT' | 'TRYCREATE' = 'NONEXISTENT',
): void {
  const lacks = Array.from(needed).find((right) => !rights.includes(right))
  if (lacks === undefined) return
  throw rights.includes('l') ? noPermission(lacks) : noSuchMailbox(missing)
}

export function noSuchMailbox(code: 'NONEXISTENT' | 'TRYCREATE' = 'NONEXISTENT'): ImapError {
  return new ImapError('NO', 'No such mailbox', { code })
}

export function noPermission(right: string): ImapError {
  return new ImapError('NO', `The right "${right}" is needed`, { code: 'NOPERM' })
}

/** Rights of which each allows to change some flags. */
export const FLAG_RIGHTS = 'swt'

/** The right that a flag needs. RFC 4314 §4. */
export function flagRight(flag: string): 's' | 't' | 'w' {
  const name = flag.toLowerCase()
  return name === '\\seen' ? 's' : name === '\\deleted' ? 't' : 'w'
}
