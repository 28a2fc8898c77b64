/** A front: listeners of one thread and the services behind them. */
import { selectMechanisms } from '../../formats/sasl/mod.ts'
import { type Connection, listen, type Listener } from '../../io/net/mod.ts'
import { availableMechanisms, createSaslBackend } from '../../mail/accounts/mod.ts'
import { createPolicy } from '../../mail/policy/mod.ts'
import { createImapd, imapdParams } from '../../services/imapd/mod.ts'
import { createPop3d, pop3dParams } from '../../services/pop3d/mod.ts'
import { createSmtpd, smtpdParams } from '../../services/smtpd/mod.ts'
import { version } from '../version.ts'
import { identityOf } from './identity.ts'
import type { ListenerSpec } from './listeners.ts'
import type { Rooms } from './rooms.ts'

type Serve = (connection: Connection) => void

/** What a front tells of itself. */
export interface FrontStatus {
  readonly smtp: number
  readonly imap: number
  readonly pop3: number
}

interface Open {
  readonly spec: ListenerSpec
  readonly listener: Listener
}

/** Sessions in progress may finish for so long when the server stops. */
const STOP_GRACE_MS = 10_000
/** A connection on which nothing moved for so long is not in the middle of anything. */
const QUIET_MS = 250

const key = (spec: ListenerSpec): string => `${spec.kind} ${spec.name} ${spec.address} ${spec.port} ${spec.implicitTls}`

export class Front {
  readonly #rooms: Rooms
  readonly #shared: boolean
  readonly #open = new Map<string, Open>()
  readonly #serve = new Map<string, Serve>()
  readonly #connections = new Map<Connection, ListenerSpec['kind']>()

  /** @param shared other threads listen on the same ports */
  constructor(rooms: Rooms, shared: boolean) {
    this.#rooms = rooms
    this.#shared = shared
  }

  /** Listeners with the ports they have. */
  get listening(): ListenerSpec[] {
    return [...this.#open.values()].map(({ spec, listener }) => ({ ...spec, port: listener.port }))
  }

  get status(): FrontStatus {
    const count = (kind: ListenerSpec['kind']): number =>
      [...this.#connections.values()].filter((k) => k === kind).length
    return { smtp: count('smtpd'), imap: count('imapd'), pop3: count('pop3d') }
  }

  /** Opens what is new, closes what is gone, and serves new connections by the configuration as it is now. */
  async apply(specs: readonly ListenerSpec[]): Promise<void> {
    const services = new Map(specs.map((spec) => [key(spec), this.#service(spec)] as const))
    const { tls } = identityOf(this.#rooms.current.config, this.#rooms.paths.tls, this.#rooms.clock.now())
    for (const [id, open] of this.#open) {
      if (services.has(id)) continue
      await open.listener.stop()
      this.#open.delete(id)
    }
    for (const [id, serve] of services) this.#serve.set(id, serve)
    for (const spec of specs) {
      const id = key(spec)
      if (this.#open.has(id)) continue
      const listener = await listen({
        address: spec.address,
        port: spec.port,
        shared: this.#shared,
        tls,
        implicitTls: spec.implicitTls,
        onConnection: (connection) => this.#accept(id, spec, connection),
      })
      this.#open.set(id, { spec, listener })
    }
  }

  #accept(id: string, spec: ListenerSpec, connection: Connection): void {
    this.#connections.set(connection, spec.kind)
    connection.whenClosed(() => this.#connections.delete(connection))
    this.#serve.get(id)?.(connection)
  }

  #service(spec: ListenerSpec): Serve {
    if (spec.kind === 'smtpd') return this.#smtpd(spec)
    const { current, clock, startExchange } = this.#rooms
    const { accounts, store, sasl, hostname } = current
    const imap = spec.kind === 'imapd'
    const backend = createSaslBackend(accounts, { service: imap ? 'imap' : 'pop', conf: sasl })
    const mechanisms = selectMechanisms({
      available: availableMechanisms(accounts, sasl),
      mechList: sasl.mechList,
      securityOptions: ['noanonymous'],
    })
    const common = { clock, store, backend, mechanisms, startExchange, hostname, tlsAvailable: true, version }
    return imap
      ? createImapd({ ...common, cf: current.config.bind(imapdParams) })
      : createPop3d({ ...common, cf: current.config.bind(pop3dParams) })
  }

  #smtpd(spec: ListenerSpec): Serve {
    const { current, clock, resolver, startExchange } = this.#rooms
    const { accounts, router, intake, sasl, store } = current
    const config = current.config.with(new Map(spec.overrides))
    const cf = config.bind(smtpdParams)
    const available = availableMechanisms(accounts, sasl)
    const select = (securityOptions: readonly string[]): readonly string[] =>
      selectMechanisms({ available, mechList: sasl.mechList, securityOptions })
    const plain = select(cf.smtpd_sasl_security_options)
    const overTls = select(cf.smtpd_sasl_tls_security_options)
    return createSmtpd({
      cf,
      clock,
      resolver,
      intake,
      startExchange,
      policy: createPolicy({
        config,
        tables: current.tables,
        router,
        dns: resolver,
        mailboxFull: (account, sizeOctets) => !store.hasRoom(account.id, sizeOctets),
      }),
      backend: createSaslBackend(accounts, { service: 'smtp', conf: sasl }),
      mechanisms: (tls) => (tls ? overTls : plain),
      tables: current.tables,
      serviceName: spec.name,
      tlsAvailable: true,
      flush: flusher(this.#rooms),
      validAddress: (address) => router.validAddress(address),
    })
  }

  /** No new connections; those in progress finish, within a bound; then all are closed with a word. */
  async stop(): Promise<void> {
    await Promise.all([...this.#open.values()].map((open) => Promise.race([open.listener.stop(), Promise.resolve()])))
    this.#open.clear()
    const until = this.#rooms.clock.monotonic() + STOP_GRACE_MS
    let seen = new Map<Connection, number>()
    while (this.#connections.size > 0 && this.#rooms.clock.monotonic() < until) {
      await new Promise((wake) => setTimeout(wake, QUIET_MS))
      const now = new Map<Connection, number>()
      for (const [connection, kind] of this.#connections) {
        const moved = connection.octetsIn + connection.octetsOut
        if (seen.get(connection) === moved && connection.pendingOctets === 0) this.#farewell(connection, kind)
        now.set(connection, moved)
      }
      seen = now
    }
    for (const connection of this.#connections.keys()) connection.destroy()
  }

  #farewell(connection: Connection, kind: ListenerSpec['kind']): void {
    const { hostname } = this.#rooms.current
    if (kind === 'smtpd') connection.end(`421 4.3.2 ${hostname} Service shutting down\r\n`)
    else
      connection.end(kind === 'imapd' ? '* BYE Server shutting down\r\n' : '-ERR [SYS/TEMP] Server shutting down\r\n')
    this.#connections.delete(connection)
  }
}

/** ETRN: only for fast_flush_domains, so that nobody makes us try all the world at once. */
function flusher(rooms: Rooms): (domain: string) => Promise<'started' | 'denied' | 'failed'> {
  const { config, tables } = rooms.current
  const parameter = 'fast_flush_domains'
  const allowed = tables.matchDomain(config.value(parameter) ?? '', { parentDomains: true, parameter })
  return async (domain) => {
    if ((await allowed(domain)) === undefined) return 'denied'
    await rooms.queue.makeDue(domain, rooms.clock.now())
    rooms.queued.notify()
    return 'started'
  }
}
