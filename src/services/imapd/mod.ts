/**
 * IMAP: a session over a connection. RFC 9051 (IMAP4rev2) and RFC 3501 (IMAP4rev1) on one port.
 * In: commands. Out: answers from the store. What is advertised is in `capabilities.ts`, each whole.
 * Settings: params.ts. Standards: docs/standards.tsv.
 */
import type { Connection } from '../../io/net/mod.ts'
import type { ImapdDeps } from './deps.ts'
import { Session } from './session.ts'

export type { ImapdDeps } from './deps.ts'
export type { ImapdEvent } from './events.ts'
export { imapdParams } from './params.ts'
export { submissionUrls, type UrlSource } from './url-auth.ts'

export function createImapd(deps: ImapdDeps): (connection: Connection) => void {
  return (connection) => void new Session(deps, connection).run()
}
