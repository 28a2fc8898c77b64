/** Sessions that a delivery takes over from those before it, and leaves to those that follow. Postfix: smtp_reuse.c. */
import type { Tables } from '../../../io/tables/mod.ts'
import type { DeliveryJob } from '../../queue/mod.ts'
import type { ConnectionCache } from './connection-cache.ts'
import type { ClientSettings } from './params.ts'
import { endpointOf, type Place } from './places.ts'
import { type Connections, connectionsFor, destinationKey, serverKey } from './reuse.ts'
import type { ServerSession } from './server-session.ts'
import { noteTls } from './session.ts'
import { untilStopped } from './stopping.ts'
import type { TlsPolicy } from './tls-policy.ts'
import type { Ending } from './transaction.ts'

interface KeptSessionsDeps {
  readonly protocol: 'smtp' | 'lmtp'
  readonly cf: ClientSettings
  readonly job: DeliveryJob
  readonly tables: () => Tables
  readonly cache: ConnectionCache<ServerSession>
  /** Of the cache, as of these settings. */
  readonly generation: number
  readonly signal: AbortSignal
  /** The message says so itself. */
  readonly tlsNotRequired: boolean
}

export class KeptSessions {
  readonly #deps: KeptSessionsDeps
  #wanted: Connections = { load: false, store: false }
  /** What the first good connection is kept under, so that bad servers in front of it are passed over. */
  #destinationKey: string | undefined
  /** Addresses that sessions of others went to. */
  readonly used = new Set<string>()

  constructor(deps: KeptSessionsDeps) {
    this.#deps = deps
  }

  /** Sessions of others may be taken. */
  get loads(): boolean {
    return this.#wanted.load
  }

  /** Sessions may be left to others. */
  get stores(): boolean {
    return this.#wanted.store
  }

  /**
   * @param nexthop as the transport has it
   * @param destination its domain, or a socket's path
   */
  async choose(nexthop: string, destination: string): Promise<void> {
    const { cf, job, tables, tlsNotRequired } = this.#deps
    this.#wanted = await connectionsFor(cf, tables(), job, destination)
    if (this.loads || this.stores) this.#destinationKey = destinationKey(cf, job, { nexthop, tlsNotRequired })
  }

  async takeByDestination(): Promise<ServerSession | undefined> {
    const key = this.#destinationKey
    return key === undefined ? undefined : this.#alive(this.#deps.cache.takeByDestination(key))
  }

  async takeByServer(place: Place, policy: TlsPolicy, nexthop: string): Promise<ServerSession | undefined> {
    return this.#alive(this.#deps.cache.takeByServer(this.keyOf(place, policy, nexthop)))
  }

  keyOf(place: Place, policy: TlsPolicy, nexthop: string): string {
    const { cf, job } = this.#deps
    return serverKey(cf, job, policy, { host: place.host, endpoint: endpointOf(place), site: nexthop })
  }

  /** A connection that died while it waited is let go: there will be another. */
  async #alive(session: ServerSession | undefined): Promise<ServerSession | undefined> {
    if (session === undefined) return undefined
    const { cf, protocol, signal } = this.#deps
    const { address, tls, dialogue } = session.facts
    if (!(await untilStopped(signal, dialogue.connection, () => session.isAlive(cf)))) {
      dialogue.connection.destroy()
      return undefined
    }
    if (tls !== undefined) noteTls(tls, 'reused', { cf, protocol })
    this.used.add(address)
    return session
  }

  /** Keeps the session for the next message, or ends it. */
  async leave(session: ServerSession, ending: Ending | 'broken'): Promise<void> {
    const { signal } = this.#deps
    const { connection } = session.facts.dialogue
    if (ending === 'broken' || ending === 'cut' || signal.aborted) return connection.destroy()
    await untilStopped(signal, connection, () => this.#keepOrQuit(session, ending))
  }

  async #keepOrQuit(session: ServerSession, ending: 'done' | 'reset'): Promise<void> {
    const { cf, cache, generation } = this.#deps
    const { serverKey: key } = session.facts
    const isClean = ending === 'done' || (await session.reset('sending final RSET', cf))
    const isCurrent = [generation, session.facts.generation].every((one) => one === cache.generation)
    if (isClean && isCurrent && session.mayBeKept(cf)) {
      const forMs = Math.min(cf.smtp_connection_cache_time_limit, cf.connection_cache_ttl_limit)
      cache.keep(session, key, this.#destinationKey, forMs)
    } else await session.quit(cf)
    this.#destinationKey = undefined
  }
}
