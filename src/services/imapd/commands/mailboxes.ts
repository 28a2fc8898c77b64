/** NAMESPACE, CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE. RFC 9051 §6.3.4 to §6.3.8, §6.3.10, RFC 6154. */
import { type Cursor, ImapError, type Rights } from '../../../formats/imap/mod.ts'
import type { Refusal, SpecialUse } from '../../../mail/store/mod.ts'
import { refusal } from '../errors.ts'
import { namespaces } from '../listed.ts'
import { allowed, type Place, placeOf, rightsAt, takeMailbox } from '../places.ts'
import { printName } from '../printing.ts'
import type { Session } from '../session.ts'

export function namespace(session: Session, cursor: Cursor): void {
  cursor.takeEnd()
  const printed = namespaces(session).map((prefix) =>
    prefix === undefined ? 'NIL' : `((${printName(session, prefix)} "/"))`,
  )
  session.output.line(`* NAMESPACE ${printed.join(' ')}`)
}

function takeName(cursor: Cursor): string {
  cursor.takeSpace()
  return takeMailbox(cursor)
}

function orThrow(outcome: undefined | Refusal): void {
  if (outcome !== undefined) throw refusal(outcome)
}

const SPECIAL_USES: readonly SpecialUse[] = [
  '\\All',
  '\\Archive',
  '\\Drafts',
  '\\Flagged',
  '\\Junk',
  '\\Sent',
  '\\Trash',
]

/** RFC 6154 §3: `CREATE name (USE (\Sent))`. */
function takeUse(cursor: Cursor): SpecialUse | undefined {
  if (!cursor.skipSpace()) return undefined
  cursor.take('(USE ')
  const words = cursor.takeList(() => cursor.takeFlag())
  cursor.take(')')
  const use = SPECIAL_USES.find((one) => one.toLowerCase() === words[0]?.toLowerCase())
  if (use === undefined || words.length !== 1) throw new ImapError('NO', 'No such special use', { code: 'USEATTR' })
  return use
}

export async function create(session: Session, cursor: Cursor): Promise<string> {
  // A trailing delimiter says that children will come (RFC 9051 §6.3.4); the name is the one without it.
  const name = takeName(cursor).replace(/\/$/, '')
  const specialUse = takeUse(cursor)
  cursor.takeEnd()
  const place = creatable(session, name)
  if (specialUse !== undefined && place.account !== session.owner)
    throw new ImapError('NO', 'A special use is for mailboxes of your own', { code: 'USEATTR' })
  const made = await session.deps.store.createMailbox(
    place.account,
    place.name,
    specialUse === undefined ? {} : { specialUse },
  )
  if ('refused' in made) throw refusedAt(session, place, made)
  session.notifications?.ownCreated(place.shown)
  return `[MAILBOXID (${made.objectId})] Create completed`
}

/** RFC 4314 §4: with the right `k` on the nearest mailbox above; where there is none, in what is the user's own. */
function creatable(session: Session, name: string): Place {
  const place = placeOf(session, name)
  const above = place && nearestAbove(session, place)
  const may = above === undefined ? place?.account === session.owner : above.includes('k')
  if (place === undefined || !may) throw notThere()
  return place
}

const notThere = (): ImapError => new ImapError('NO', 'You cannot make mailboxes there', { code: 'NOPERM' })

/** RFC 4314 §6: that a name is taken is no news for who may not see by what; they are refused as without the right `k`. */
function refusedAt(session: Session, place: Place, refused: Refusal): ImapError {
  const isHidden = refused.refused === 'ALREADYEXISTS' && rightsAt(session, place)?.includes('l') !== true
  return isHidden ? notThere() : refusal(refused)
}

function nearestAbove(session: Session, place: Place): Rights | undefined {
  for (let slash = place.name.lastIndexOf('/'); slash > 0; slash = place.name.lastIndexOf('/', slash - 1)) {
    const rights = rightsAt(session, { ...place, name: place.name.slice(0, slash) })
    if (rights !== undefined) return rights
  }
  return undefined
}

export async function deleteMailbox(session: Session, cursor: Cursor): Promise<void> {
  const name = takeName(cursor)
  cursor.takeEnd()
  const place = allowed(session, name, 'x')
  orThrow(await session.deps.store.deleteMailbox(place.account, place.name))
  session.notifications?.ownDeleted(place.shown)
}

export async function rename(session: Session, cursor: Cursor): Promise<void> {
  const from = takeName(cursor)
  const to = takeName(cursor)
  cursor.takeEnd()
  const old = allowed(session, from, 'x')
  const place = creatable(session, to)
  if (place.account !== old.account)
    throw new ImapError('NO', 'A mailbox stays with its owner; copy its messages', { code: 'CANNOT' })
  if (old.name === 'INBOX' && old.account !== session.owner)
    throw new ImapError('NO', "Another user's INBOX cannot be renamed", { code: 'CANNOT' })
  const refused = await session.deps.store.renameMailbox(place.account, old.name, place.name)
  if (refused !== undefined) throw refusedAt(session, place, refused)
  session.notifications?.ownRenamed(old.shown, place.shown)
}

export async function subscribe(session: Session, cursor: Cursor): Promise<void> {
  const name = takeName(cursor)
  cursor.takeEnd()
  const { account, shown } = allowed(session, name, 'l')
  orThrow(await session.deps.store.setSubscribed(session.owner, shown, true, account !== session.owner))
  session.notifications?.ownSubscribed(shown)
}

export async function unsubscribe(session: Session, cursor: Cursor): Promise<void> {
  const name = takeName(cursor)
  cursor.takeEnd()
  const shown = placeOf(session, name)?.shown ?? name
  orThrow(await session.deps.store.setSubscribed(session.owner, shown, false))
  session.notifications?.ownSubscribed(shown)
}
