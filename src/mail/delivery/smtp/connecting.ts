/** From a server's address to a session that takes mail: the connection, then its greeting, TLS and log-in. */
import { systemText } from '#src/base/mod.ts'
import { SessionRecord } from '../../../formats/smtp/mod.ts'
import { BindError, connectFrom } from './bind.ts'
import { type ConnectionCache } from './connection-cache.ts'
import { Dialogue, DialogueError } from './dialogue.ts'
import { addressOf, endpointOf, type Place } from './places.ts'
import { ServerSession } from './server-session.ts'
import { HandshakeError, openSession, type SessionPlace, SiteError } from './session.ts'
import { untilStopped } from './stopping.ts'
import type { FailureType } from '../../../formats/reports/mod.ts'
import { isHostName } from '../../../io/dns/mod.ts'
import type { TlsCounts } from './tls-report/counts.ts'
import { reportedPolicy } from './tls-report/outcome.ts'
import type { TlsSessions } from './tls-sessions.ts'
import { brokenOff, deferred, type Failure } from './words.ts'

export interface Opening extends Omit<SessionPlace, 'name' | 'nameAndPort' | 'address' | 'resumption'> {
  readonly place: Place
  readonly serverKey: string
  readonly connections: ConnectionCache<ServerSession>
  /** Of `connections`, as of `cf`: a reload while the server is connected to makes it another. */
  readonly generation: number
  readonly tlsSessions: TlsSessions
  readonly counts: TlsCounts | undefined
  /** It may be kept for further deliveries. */
  readonly store: boolean
  /** What is said is kept for the postmaster. */
  readonly recorded: boolean
  readonly signal: AbortSignal
}

/** `relay`: the server that the failure is about; `none` where none was talked to. `handshake`: TLS may be why. */
export type Opened =
  | { readonly session: ServerSession }
  | {
      readonly failure: Failure
      readonly relay: string
      readonly handshake?: boolean
      readonly record?: SessionRecord | undefined
    }

export async function open(opening: Opening): Promise<Opened> {
  const { place, cf, policy, signal } = opening
  const address = addressOf(place)
  const name = `${place.host}[${address}]`
  const nameAndPort = 'path' in place ? name : `${name}:${place.port}`
  const startedMs = performance.now()
  let dialogue: Dialogue
  try {
    const limits = { perRequest: cf.smtp_per_request_deadline, minDataRate: cf.smtp_min_data_rate }
    dialogue = new Dialogue(await connectFrom(place, opening), limits)
  } catch (error) {
    const failure = error instanceof BindError ? deferred('4.4.0', 'server configuration error') : undefined
    const text = `connect to ${nameAndPort}: ${systemText(error)}`
    return { failure: failure ?? deferred('4.4.1', text), relay: 'none' }
  }
  if (opening.recorded) dialogue.record = new SessionRecord('client')
  try {
    const resumption = resumptionOf(opening, address)
    const where = { ...opening, name, nameAndPort, address: 'path' in place ? '' : address, resumption }
    const report = reporterOf(opening, dialogue, address)
    const offer = await untilStopped(signal, dialogue.connection, () => openSession(dialogue, where)).catch(
      (error: unknown) => {
        if (error instanceof SiteError && error.tlsFailure !== undefined) report(error.tlsFailure, error.failure.text)
        throw error
      },
    )
    const isReused = offer.tls?.facts.resumed === true && cf.smtp_tlsrpt_skip_reused_handshakes
    if (offer.tls !== undefined && !isReused) report(offer.tls.failure, '')
    else if (offer.tls === undefined && !offer.keywords.has('STARTTLS')) report('starttls-not-supported', '')
    const isKept = opening.store && (dialogue.connection.tls === undefined || policy.reuse)
    return {
      session: new ServerSession({
        ...offer,
        dialogue,
        name,
        nameAndPort,
        address,
        serverKey: opening.serverKey,
        generation: opening.generation,
        keptUntilMs: isKept ? startedMs + cf.smtp_connection_reuse_time_limit : 0,
      }),
    }
  } catch (error) {
    void dialogue.quit()
    const { record } = dialogue
    if (error instanceof SiteError)
      return { failure: error.failure, relay: nameAndPort, handshake: error instanceof HandshakeError, record }
    if (error instanceof DialogueError) {
      const handshake = dialogue.connection.tls !== undefined // it may be TLS that is not understood
      return { failure: brokenOff(error, dialogue, name), relay: nameAndPort, handshake, record }
    }
    throw error
  }
}

/** Counts what came of a session for the domain's report; where nobody counts, or no TLS is sought, it does nothing. */
function reporterOf(
  { counts, cf, protocol, policy, nexthop, place }: Opening,
  { connection }: Dialogue,
  address: string,
): (failure: FailureType | undefined, reason: string) => void {
  if (counts === undefined || !cf.smtp_tlsrpt_enable || protocol !== 'smtp') return () => {}
  if (policy.level === 'none' || !isHostName(nexthop)) return () => {}
  const at = { sendingIp: connection.local.address, mxHost: place.host, receivingIp: address }
  const about = { domain: nexthop.toLowerCase(), policy: reportedPolicy(policy) }
  return (failure, reason) => counts.add(failure === undefined ? about : { ...about, failure, at: { ...at, reason } })
}

/** What of TLS is remembered of a server: a key as smtp_proto.c makes it, so that no other policy's session is taken. */
function resumptionOf(opening: Opening, address: string): Resumption {
  const { cf, place, policy, nexthop, transport, tlsSessions, connections, generation } = opening
  const timeoutMs = cf.smtp_tls_session_cache_timeout
  if (cf.smtp_tls_session_cache_database === '' || timeoutMs === 0) return {}
  // TLSA records may name another certificate by now than that of the session.
  if (policy.dane !== undefined) return {}
  const forMs = Math.min(Math.max(timeoutMs, SESSION_MIN_MS), SESSION_MAX_MS)
  const key = [transport, nexthop, place.host, address, endpointOf(place), policy.level].join('\0')
  const session = tlsSessions.get(key, performance.now())
  return {
    ...(session !== undefined && { session }),
    onSession: (fresh) => {
      if (generation === connections.generation) tlsSessions.set(key, fresh, performance.now() + forMs)
    },
  }
}

type Resumption = SessionPlace['resumption']

/** postconf(5), smtp_tls_session_cache_timeout. */
const SESSION_MIN_MS = 120_000
const SESSION_MAX_MS = 100 * 86_400_000
