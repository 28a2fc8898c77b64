/** GETMETADATA and SETMETADATA. RFC 5464; what LIST returns of it, RFC 9590; filters, RFC 5466 §3.2. */
import {
  type Cursor,
  decodeMailbox,
  hasSome,
  ImapError,
  isFilter,
  type MetadataOptions,
  type Rights,
  printMetadataValue,
  takeEntryValues,
  takeMetadataQuery,
} from '../../../formats/imap/mod.ts'
import { type Annotation, type AnnotationChange, type MailboxInfo, SHARED_SEEN_ENTRY } from '../../../mail/store/mod.ts'
import { refusal } from '../errors.ts'
import { allowed, noPermission, noSuchMailbox, type Place, refuseWithout, rightsAt } from '../places.ts'
import { printName } from '../printing.ts'
import type { Session } from '../session.ts'

const SPECIAL_USE = '/private/specialuse'

export const DEPTH_0: MetadataOptions = { maxSize: undefined, depth: '0' }

/** RFC 5466 §3.2. */
export const FILTER_VALUES = '/filters/values/'

export function getMetadata(session: Session, cursor: Cursor): string {
  cursor.takeSpace()
  const query = takeMetadataQuery(cursor)
  cursor.takeEnd()
  const mailbox = decodeMailbox(query.mailbox)
  const place = annotated(session, mailbox)
  const found = metadataOf(session, place, query.entries, query)
  if (found === undefined) throw noSuchMailbox()
  const { maxSize = Number.POSITIVE_INFINITY } = query
  const small = found.filter(({ value }) => (value?.length ?? 0) <= maxSize)
  if (small.length > 0) putMetadata(session, place.shown, small)
  const longest = found.reduce((most, { value }) => Math.max(most, value?.length ?? 0), 0)
  return longest > maxSize ? `[METADATA LONGENTRIES ${longest}] Some are longer` : 'Getmetadata completed'
}

/** The mailbox whose annotations the user may see (RFC 5464 §3.3), or the server. */
function annotated(session: Session, mailbox: string): Place {
  if (mailbox === '') return { account: session.owner, name: '', shown: '' }
  const place = allowed(session, mailbox, 'l')
  if (!mayAnnotate(place.rights)) throw noPermission('r')
  return place
}

/** Of a mailbox that may be listed. */
export const mayAnnotate = (rights: Rights): boolean => hasSome(rights, 'rswip')

/** Values of the entries, those below them as deep as is asked; NIL for what is named and not there. undefined: no such mailbox. */
export function metadataOf(
  session: Session,
  place: Place,
  entries: readonly string[],
  { depth }: MetadataOptions,
  listed?: Pick<MailboxInfo, 'specialUse'>,
): AnnotationChange[] | undefined {
  const noted = session.deps.store.annotations(place.account, place.name, session.owner)
  if (noted === undefined) return undefined
  const all = [...noted, ...computed(session, place, listed)]
  const found = new Map<string, AnnotationChange>()
  for (const entry of entries) {
    const exact = all.find((one) => one.entry.toLowerCase() === entry.toLowerCase())
    if (exact !== undefined || depth === '0') found.set(entry.toLowerCase(), { entry, value: exact?.value })
    if (depth === '0') continue
    for (const one of all) if (isBelow(one.entry, entry, depth === '1')) found.set(one.entry.toLowerCase(), one)
  }
  return [...found.values()]
}

function isBelow(entry: string, root: string, oneLevel: boolean): boolean {
  if (!entry.toLowerCase().startsWith(`${root.toLowerCase()}/`)) return false
  return !oneLevel || !entry.includes('/', root.length + 1)
}

/** What clients may read and not set. */
function computed(session: Session, { account, name }: Place, listed?: Pick<MailboxInfo, 'specialUse'>): Annotation[] {
  const entry = (key: string, text: string | undefined): Annotation[] =>
    text === undefined || text === '' ? [] : [{ entry: key, value: Buffer.from(text) }]
  if (name !== '') {
    if (account !== session.owner) return [] // a use is the owner's
    // RFC 6154 §4. LIST, which asks for each mailbox, knows it.
    const info = listed ?? session.deps.store.mailboxes(session.owner).find((one) => one.name === name)
    return entry(SPECIAL_USE, info?.specialUse)
  }
  const { imapd_server_comment: comment, imapd_server_admin: admin } = session.deps.cf
  return [...entry('/shared/comment', comment), ...entry('/shared/admin', admin)]
}

/** `* METADATA mailbox (entry value …)`. */
export function putMetadata(session: Session, mailbox: string, values: readonly AnnotationChange[]): void {
  const { output } = session
  output.put(`* METADATA ${printName(session, mailbox)} (`)
  for (const [i, { entry, value }] of values.entries()) {
    output.put(`${i > 0 ? ' ' : ''}${printEntry(entry)} `)
    output.put(printMetadataValue(value))
  }
  output.line(')')
}

/** As an atom where it is one: RFC 5464 has them so. */
export function printEntry(entry: string): string {
  return /^[!#$&'+,./0-9:;<=>?@A-Z^_`a-z|}~-]+$/.test(entry) ? entry : `"${entry.replace(/["\\]/g, '\\$&')}"`
}

export async function setMetadata(session: Session, cursor: Cursor): Promise<string> {
  cursor.takeSpace()
  const mailbox = decodeMailbox(cursor.takeAString())
  cursor.takeSpace()
  const changes = takeEntryValues(cursor)
  cursor.takeEnd()
  for (const change of changes) refuseUnsettable(session, mailbox, change)
  const place = annotated(session, mailbox)
  if (mailbox !== '') for (const { entry } of changes) refuseWithout(rightsAt(session, place) ?? '', rightToSet(entry))
  const done = await session.deps.store.setAnnotations(place.account, place.name, changes, session.owner)
  if ('refused' in done) throw refusal(done)
  if (place.account === session.owner) session.metadataNews.own(done.modSeq)
  if (done.usedBefore !== undefined) putMetadata(session, done.usedBefore, [{ entry: SPECIAL_USE, value: undefined }])
  return 'Setmetadata completed'
}

/** What others see needs more than reading it does. */
function rightToSet(entry: string): string {
  const name = entry.toLowerCase()
  if (!name.startsWith('/shared/')) return ''
  return name === SHARED_SEEN_ENTRY ? 'a' : 'w'
}

function refuseUnsettable(session: Session, mailbox: string, { entry, value }: AnnotationChange): void {
  const name = entry.toLowerCase()
  if (!/^\/(?:private|shared)\/./.test(name)) throw new ImapError('BAD', 'The entry has no name')
  if (mailbox === '' && name.startsWith('/shared/'))
    throw new ImapError('NO', 'Entries that all share are set by the administrator', { code: 'NOPERM' })
  if (mailbox !== '' || value === undefined || !name.startsWith(`/private${FILTER_VALUES}`)) return
  // RFC 5466 §3.2: only what is a whole search.
  if (!isFilter(value, { saved: [], filter: () => Buffer.from('ALL') }))
    throw new ImapError('NO', 'The value is not a search', { code: 'CANNOT' })
}

/** The search that a client's FILTER key names. */
export function filterOf(session: Session, name: string): Buffer | undefined {
  return session.deps.store.annotation(session.owner, '', `/private${FILTER_VALUES}${name}`)
}
