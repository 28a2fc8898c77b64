/** The table of commands: in which state each is allowed, and what may be told during it. RFC 9051 §6, §7.5.1. */
import type { Cursor } from '../../../formats/imap/mod.ts'
import type { CommandRest } from '../command-rest.ts'
import type { Session } from '../session.ts'
import { deleteAcl, getAcl, listRights, myRights, setAcl } from './acl.ts'
import { append, replace, uidReplace } from './append.ts'
import { authenticate, login } from './authenticate.ts'
import { capability, enable, id, logout, noop, starttls, unauthenticate } from './any.ts'
import { compress } from './compress.ts'
import { check, close, expunge, uidExpunge, unselect } from './close.ts'
import { cancelUpdate } from './cancel-update.ts'
import { comparator } from './comparator.ts'
import { copy, move, uidCopy, uidMove } from './copy.ts'
import { esearch } from './esearch.ts'
import { fetch, uidFetch } from './fetch.ts'
import { idle } from './idle.ts'
import { list, lsub } from './list.ts'
import { create, deleteMailbox, namespace, rename, subscribe, unsubscribe } from './mailboxes.ts'
import { getMetadata, setMetadata } from './metadata.ts'
import { notify } from './notify.ts'
import { getQuota, getQuotaRoot, setQuota } from './quota.ts'
import { search, uidSearch } from './search.ts'
import { examine, select } from './select.ts'
import { sort, thread, uidSort, uidThread } from './sort.ts'
import { status } from './status.ts'
import { store, uidStore } from './store.ts'
import { genUrlAuth, resetKey, urlFetch } from './url-auth.ts'
import { uidBatches } from './uid-batches.ts'

export interface Row {
  /** Runs the command; answers what follows `OK`. */
  readonly run: (session: Session, cursor: Cursor, rest: CommandRest) => Promise<string | void> | string | void
  readonly state: 'any' | 'not-authenticated' | 'authenticated' | 'selected'
  /** false: EXPUNGE must not be sent during it, for its sequence numbers would mean others (RFC 9051 §7.5.1). */
  readonly expunges?: boolean
  /** The view is brought up to date before the arguments are looked at. */
  readonly tellsFirst?: boolean
  /** Names messages by number, which a UIDONLY session refuses (RFC 9586 §3). */
  readonly byNumber?: boolean
  /** May take long: the client hears that it goes on. Writes no part of a line before it is done. */
  readonly isLong?: boolean
  /** Changes told with it carry the UID. */
  readonly uid?: boolean
  /** Removes messages, which is told whatever the client wants to be notified of. */
  readonly removes?: boolean
  /** A search, which may go on while other commands run (RFC 9051 §5.5). Has its turn before it writes. */
  readonly aside?: boolean
  /** May run while a search goes on: changes no message and no state of the session, and depends on none that a search changes. */
  readonly beside?: boolean
  /** As `beside`, where it does not set \Seen. */
  readonly peeks?: boolean
}

const numbered = { state: 'selected', expunges: false, tellsFirst: true, byNumber: true } as const
const byUid = { state: 'selected', expunges: true, tellsFirst: true, uid: true } as const
const searches = { isLong: true, aside: true } as const

export const commands: ReadonlyMap<string, Row> = new Map<string, Row>([
  ['CAPABILITY', { run: capability, state: 'any', beside: true }],
  ['NOOP', { run: noop, state: 'any', beside: true }],
  ['LOGOUT', { run: logout, state: 'any' }],
  ['ID', { run: id, state: 'any', beside: true }],
  ['STARTTLS', { run: starttls, state: 'not-authenticated' }],
  ['LOGIN', { run: login, state: 'not-authenticated' }],
  ['AUTHENTICATE', { run: authenticate, state: 'not-authenticated' }],
  ['UNAUTHENTICATE', { run: unauthenticate, state: 'authenticated' }],
  // RFC 9051 §7.5.1: its tagged answer goes before what is told, and then no command is in progress.
  ['COMPRESS', { run: compress, state: 'authenticated', expunges: false }],
  ['ENABLE', { run: enable, state: 'authenticated' }],
  ['NAMESPACE', { run: namespace, state: 'authenticated', beside: true }],
  ['SELECT', { run: select, state: 'authenticated' }],
  ['EXAMINE', { run: examine, state: 'authenticated' }],
  ['CREATE', { run: create, state: 'authenticated' }],
  ['DELETE', { run: deleteMailbox, state: 'authenticated' }],
  ['RENAME', { run: rename, state: 'authenticated' }],
  ['SUBSCRIBE', { run: subscribe, state: 'authenticated' }],
  ['UNSUBSCRIBE', { run: unsubscribe, state: 'authenticated' }],
  ['LIST', { run: list, state: 'authenticated', beside: true }],
  ['LSUB', { run: lsub, state: 'authenticated', beside: true }],
  ['STATUS', { run: status, state: 'authenticated', beside: true }],
  ['APPEND', { run: append, state: 'authenticated' }],
  ['REPLACE', { run: replace, removes: true, state: 'selected', byNumber: true }],
  ['UID REPLACE', { run: uidReplace, removes: true, ...byUid }],
  ['GETQUOTA', { run: getQuota, state: 'authenticated', beside: true }],
  ['GETQUOTAROOT', { run: getQuotaRoot, state: 'authenticated', beside: true }],
  ['SETQUOTA', { run: setQuota, state: 'authenticated' }],
  ['GETMETADATA', { run: getMetadata, state: 'authenticated', beside: true }],
  ['SETMETADATA', { run: setMetadata, state: 'authenticated' }],
  ['NOTIFY', { run: notify, state: 'authenticated' }],
  ['SETACL', { run: setAcl, state: 'authenticated' }],
  ['DELETEACL', { run: deleteAcl, state: 'authenticated' }],
  ['GETACL', { run: getAcl, state: 'authenticated', beside: true }],
  ['LISTRIGHTS', { run: listRights, state: 'authenticated', beside: true }],
  ['MYRIGHTS', { run: myRights, state: 'authenticated', beside: true }],
  ['GENURLAUTH', { run: genUrlAuth, state: 'authenticated' }],
  ['URLFETCH', { run: urlFetch, state: 'authenticated' }],
  ['RESETKEY', { run: resetKey, state: 'authenticated' }],
  ['COMPARATOR', { run: comparator, state: 'authenticated' }],
  ['IDLE', { run: idle, state: 'authenticated' }],
  ['CHECK', { run: check, state: 'selected', beside: true }],
  ['CLOSE', { run: close, state: 'selected' }],
  ['UNSELECT', { run: unselect, state: 'selected' }],
  ['EXPUNGE', { run: expunge, removes: true, state: 'selected', isLong: true }],
  ['UID EXPUNGE', { run: uidExpunge, removes: true, state: 'selected', isLong: true }],
  ['UIDBATCHES', { run: uidBatches, state: 'selected', tellsFirst: true }],
  ['CANCELUPDATE', { run: cancelUpdate, state: 'selected' }],
  ['ESEARCH', { run: esearch, state: 'authenticated', tellsFirst: true, expunges: false, isLong: true }],
  ['SEARCH', { run: search, ...numbered, ...searches }],
  ['UID SEARCH', { run: uidSearch, ...byUid, ...searches }],
  ['SORT', { run: sort, ...numbered, ...searches }],
  ['UID SORT', { run: uidSort, ...byUid, ...searches }],
  ['THREAD', { run: thread, ...numbered, ...searches }],
  ['UID THREAD', { run: uidThread, ...byUid, ...searches }],
  ['FETCH', { run: fetch, ...numbered, peeks: true }],
  ['UID FETCH', { run: uidFetch, ...byUid, peeks: true }],
  ['STORE', { run: store, ...numbered }],
  ['UID STORE', { run: uidStore, ...byUid }],
  ['COPY', { run: copy, state: 'selected', byNumber: true, isLong: true }],
  ['UID COPY', { run: uidCopy, ...byUid, isLong: true }],
  ['MOVE', { run: move, removes: true, state: 'selected', byNumber: true, isLong: true }],
  ['UID MOVE', { run: uidMove, removes: true, ...byUid, isLong: true }],
])
