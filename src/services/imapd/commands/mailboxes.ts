/** NAMESPACE, CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE. RFC 9051 §6.3.4 to §6.3.8, §6.3.10, RFC 6154. */
import { type Cursor, decodeMailbox, ImapError } from '../../../formats/imap/mod.ts'
import type { Refusal, SpecialUse } from '../../../mail/store/mod.ts'
import { refusal } from '../errors.ts'
import type { Session } from '../session.ts'

export function namespace(session: Session, cursor: Cursor): void {
  cursor.takeEnd()
  session.output.line('* NAMESPACE (("" "/")) NIL NIL')
}

function takeName(cursor: Cursor): string {
  cursor.takeSpace()
  return decodeMailbox(cursor.takeAString())
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
  const made = await session.deps.store.createMailbox(
    session.owner,
    name,
    specialUse === undefined ? {} : { specialUse },
  )
  if ('refused' in made) throw refusal(made)
  session.notifications?.ownCreated(name)
  return `[MAILBOXID (${made.objectId})] Create completed`
}

export async function deleteMailbox(session: Session, cursor: Cursor): Promise<void> {
  const name = takeName(cursor)
  cursor.takeEnd()
  orThrow(await session.deps.store.deleteMailbox(session.owner, name))
  session.notifications?.ownDeleted(name)
}

export async function rename(session: Session, cursor: Cursor): Promise<void> {
  const from = takeName(cursor)
  const to = takeName(cursor)
  cursor.takeEnd()
  orThrow(await session.deps.store.renameMailbox(session.owner, from, to))
  session.notifications?.ownRenamed(from, to)
}

export async function subscribe(session: Session, cursor: Cursor): Promise<void> {
  const name = takeName(cursor)
  cursor.takeEnd()
  orThrow(await session.deps.store.setSubscribed(session.owner, name, true))
  session.notifications?.ownSubscribed(name)
}

export async function unsubscribe(session: Session, cursor: Cursor): Promise<void> {
  const name = takeName(cursor)
  cursor.takeEnd()
  orThrow(await session.deps.store.setSubscribed(session.owner, name, false))
  session.notifications?.ownSubscribed(name)
}
