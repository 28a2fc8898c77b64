/**
 * POP3: a session over a connection. RFC 1939, RFC 2449 (CAPA), RFC 2595 (STLS), RFC 3206 (AUTH codes), RFC 5034 (AUTH), RFC 6856.
 * In: lines. Out: answers from the store's INBOX. Several sessions may be open on one mailbox at a time: each has the
 * numbers of its own log-in, and removal is by UID, so they do not disturb one another. `pop3d_lock_maildrop` allows one.
 * Settings: params.ts.
 */
import type { Connection } from '../../io/net/mod.ts'
import { type Pop3dDeps, Session } from './session.ts'
import { Visits } from './visits.ts'

export type { Pop3dDeps } from './session.ts'
export type { Pop3dEvent } from './events.ts'
export { pop3dParams } from './params.ts'

export function createPop3d(deps: Pop3dDeps): (connection: Connection) => void {
  const visits = new Visits(deps.clock, deps.hostname)
  return (connection) => void new Session(deps, connection, visits).start()
}
