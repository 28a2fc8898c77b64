/** SETACL, DELETEACL, GETACL, LISTRIGHTS and MYRIGHTS. RFC 4314 §3. */
import {
  ALL_RIGHTS,
  type Cursor,
  hasSome,
  ImapError,
  printAString,
  printRights,
  type Rights,
  type RightsChange,
  takeIdentifier,
  takeRightsChange,
  withoutRights,
} from '../../../formats/imap/mod.ts'
import { ANYONE, AUTHENTICATED, type Grant, type Grantee, requiredRights } from '../../../mail/store/mod.ts'
import { refusal } from '../errors.ts'
import { allowed, identifiedBy, nameOf, noSuchMailbox, takeMailbox } from '../places.ts'
import { printName } from '../printing.ts'
import type { Session } from '../session.ts'

type Whom = Pick<Grant, 'grantee' | 'negative'>

/** RFC 4314 §2: `anyone`, `authenticated`, the name of an account; each with `-` before it for what is denied. */
function whomOf(session: Session, identifier: string): Whom {
  const negative = identifier.startsWith('-')
  const name = negative ? identifier.slice(1) : identifier
  if (name.startsWith('$')) throw new ImapError('NO', 'There are no groups here', { code: 'CANNOT' })
  const grantee = SPECIAL.get(name.toLowerCase()) ?? identifiedBy(session, name)
  if (grantee === undefined) throw new ImapError('NO', 'There is no account of that name', { code: 'CANNOT' })
  return { grantee, negative }
}

const SPECIAL: ReadonlyMap<string, Grantee> = new Map([
  ['anyone', ANYONE],
  ['authenticated', AUTHENTICATED],
])

/** undefined: the account is gone. */
function identifierOf(session: Session, { grantee, negative }: Whom): string | undefined {
  const special = [...SPECIAL].find(([, one]) => one === grantee)?.[0]
  const name = special ?? nameOf(session, grantee)
  return name && `${negative ? '-' : ''}${name}`
}

export async function setAcl(session: Session, cursor: Cursor): Promise<string> {
  cursor.takeSpace()
  const name = takeMailbox(cursor)
  cursor.takeSpace()
  const identifier = takeIdentifier(cursor)
  cursor.takeSpace()
  const change = takeRightsChange(cursor)
  cursor.takeEnd()
  const place = allowed(session, name, 'a')
  const whom = whomOf(session, identifier)
  refuseAnyone(session, whom, change)
  const refused = await session.deps.store.changeGrant(place.account, place.name, whom, change)
  if (refused !== undefined) throw refusal(refused)
  return 'Setacl completed'
}

/** Every account would have it in its list. */
function refuseAnyone(session: Session, { grantee, negative }: Whom, { operation, rights }: RightsChange): void {
  const gives = !negative && operation !== 'remove' && rights !== ''
  if (!gives || (grantee !== ANYONE && grantee !== AUTHENTICATED)) return
  if (session.deps.cf.imapd_acl_anyone || session.isAdmin) return
  throw new ImapError('NO', 'Only administrators may share a mailbox with anyone', { code: 'NOPERM' })
}

export async function deleteAcl(session: Session, cursor: Cursor): Promise<string> {
  cursor.takeSpace()
  const name = takeMailbox(cursor)
  cursor.takeSpace()
  const identifier = takeIdentifier(cursor)
  cursor.takeEnd()
  const place = allowed(session, name, 'a')
  const whom = whomOf(session, identifier)
  const refused = await session.deps.store.changeGrant(place.account, place.name, whom, undefined)
  if (refused !== undefined) throw refusal(refused)
  return 'Deleteacl completed'
}

export function getAcl(session: Session, cursor: Cursor): string {
  cursor.takeSpace()
  const name = takeMailbox(cursor)
  cursor.takeEnd()
  const place = allowed(session, name, 'a')
  const grants = session.deps.store.grants(place.account, place.name)
  if (grants === undefined) throw noSuchMailbox()
  const { output } = session
  output.put(`* ACL ${printName(session, place.shown)}`)
  for (const grant of grants) {
    const identifier = identifierOf(session, grant)
    if (identifier === undefined) continue
    output.put(' ')
    output.put(printAString(identifier))
    output.put(` ${quoted(printRights(grant.rights))}`)
  }
  output.line('')
  return 'Getacl completed'
}

/** Rights that nobody has in any case may each be granted by themselves; `c` and `d` stand for theirs. */
export function listRights(session: Session, cursor: Cursor): string {
  cursor.takeSpace()
  const name = takeMailbox(cursor)
  cursor.takeSpace()
  const identifier = takeIdentifier(cursor)
  cursor.takeEnd()
  const place = allowed(session, name, 'a')
  const { grantee, negative } = whomOf(session, identifier)
  const required = negative ? '' : requiredRights(place.account, grantee)
  const { output } = session
  output.put(`* LISTRIGHTS ${printName(session, place.shown)} `)
  output.put(printAString(identifier)) // §3.4: as the client wrote it
  output.line(` ${quoted(required)} ${Array.from(`${withoutRights(ALL_RIGHTS, required)}cd`).join(' ')}`)
  return 'Listrights completed'
}

export function myRights(session: Session, cursor: Cursor): string {
  cursor.takeSpace()
  const name = takeMailbox(cursor)
  cursor.takeEnd()
  const place = allowed(session, name, '')
  // §4: any of these; who has less may not know of the mailbox.
  if (!hasSome(place.rights, 'lrikxa')) throw noSuchMailbox()
  session.output.line(myRightsLine(session, place.shown, place.rights))
  return 'Myrights completed'
}

/** Also for LIST (RFC 8440). */
export function myRightsLine(session: Session, shown: string, rights: Rights): string {
  return `* MYRIGHTS ${printName(session, shown)} ${quoted(printRights(rights))}`
}

/** Nothing at all needs quotes. */
const quoted = (rights: string): string => rights || '""'
