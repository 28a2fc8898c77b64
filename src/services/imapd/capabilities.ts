/** What CAPABILITY says. RFC 9051 §6.1.1: what holds in this state and on this connection; docs/imap.md has a line for each. */
import { unicodeCasemap } from '../../formats/message/mod.ts'
import { offersComparators } from './commands/comparator.ts'
import type { Session } from './session.ts'

const ALWAYS = ['IMAP4rev1', 'IMAP4rev2', 'LITERAL+', 'ID', 'ENABLE', 'IDLE', 'SASL-IR']

const AFTER_LOG_IN = [
  'NAMESPACE',
  'ACL',
  'RIGHTS=kxte',
  'LIST-MYRIGHTS',
  'CHILDREN',
  'UNSELECT',
  'UIDPLUS',
  'MOVE',
  'ESEARCH',
  'SEARCHRES',
  'SEARCH=FUZZY',
  'PARTIAL',
  'CONTEXT=SEARCH',
  'CONTEXT=SORT',
  'MULTISEARCH',
  'UIDONLY',
  'UIDBATCHES',
  'INPROGRESS',
  'LIST-EXTENDED',
  'LIST-STATUS',
  'SPECIAL-USE',
  'CREATE-SPECIAL-USE',
  'STATUS=SIZE',
  'MULTIAPPEND',
  'REPLACE',
  'CATENATE',
  'URL-PARTIAL',
  'URLAUTH',
  'OBJECTID',
  'SAVEDATE',
  'PREVIEW',
  'BINARY',
  'CONDSTORE',
  'QRESYNC',
  'UTF8=ACCEPT',
  'WITHIN',
  'NOTIFY',
  'METADATA',
  'LIST-METADATA',
  'FILTERS',
  'QUOTA',
  'QUOTA=RES-STORAGE',
  'QUOTA=RES-MESSAGE',
  'QUOTA=RES-MAILBOX',
  'SORT',
  'SORT=DISPLAY',
  'ESORT',
  'THREAD=ORDEREDSUBJECT',
  'THREAD=REFERENCES',
  'THREAD=REFS',
  'UNAUTHENTICATE',
]

export function capabilitiesOf(session: Session): string[] {
  const { deps, connection } = session
  if (session.account === undefined) {
    const tls = deps.tlsAvailable && connection.tls === undefined ? ['STARTTLS'] : []
    const logIn = session.mayLogIn ? session.mechanisms.map((name) => `AUTH=${name}`) : ['LOGINDISABLED']
    return [...ALWAYS, ...tls, ...logIn]
  }
  const limit = deps.cf.imapd_append_limit
  const { imapd_message_limit: messages, imapd_save_limit: saves } = deps.cf
  const optional = [
    ...(connection.deflated ? [] : ['COMPRESS=DEFLATE']),
    ...(messages > 0 ? [`MESSAGELIMIT=${messages}`] : saves > 0 ? [`SAVELIMIT=${saves}`] : []),
    ...(session.isAdmin ? ['QUOTASET'] : []),
  ]
  return [...ALWAYS, ...optional, ...AFTER_LOG_IN, ...i18n(session), limit > 0 ? `APPENDLIMIT=${limit}` : 'APPENDLIMIT']
}

/** RFC 5255 §4.3, §4.4: the second says all the first does, yet some clients look for the first alone. */
function i18n(session: Session): string[] {
  if (!offersComparators(session)) return []
  return session.defaultCollation === unicodeCasemap ? ['I18NLEVEL=1', 'I18NLEVEL=2'] : ['I18NLEVEL=2']
}
