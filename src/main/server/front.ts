/** A front: listeners of one thread and the services behind them. */
import { accessSync, constants, existsSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { publish } from '#src/base/mod.ts'
import { selectMechanisms } from '../../formats/sasl/mod.ts'
import type { Settings } from '../../io/config/mod.ts'
import { type Connection, listen, ListenError, type Listener, type ServerTls } from '../../io/net/mod.ts'
import { availableMechanisms, createSaslBackend } from '../../mail/accounts/mod.ts'
import type { PolicyWarning } from '../../mail/policy/mod.ts'
import { createImapd, imapdParams } from '../../services/imapd/mod.ts'
import { createPop3d, pop3dParams } from '../../services/pop3d/mod.ts'
import { smtpdParams, tlsLevel } from '../../services/smtpd/mod.ts'
import { version } from '../version.ts'
import { broughtFor } from '../certificates/settings.ts'
import { Crowd, refusalOf, type Welcome } from './crowd.ts'
import { identityOf } from './identity.ts'
import { loginDoor } from './login-door.ts'
import type { ListenerSpec } from './listeners.ts'
import type { Rooms } from './rooms.ts'
import { lmtpdFor } from './lmtpd-service.ts'
import { postmasterOf } from './notices.ts'
import { screenProxyMs } from './screen.ts'
import { smtpServiceFor } from './smtpd-service.ts'

type Serve = (connection: Connection) => void

/** What a front tells of itself. */
export interface FrontStatus {
  readonly smtp: number
  readonly imap: number
  readonly pop3: number
  readonly lmtp: number
}

/** What one listener does as the configuration is now. */
interface Plan {
  readonly spec: ListenerSpec
  readonly serve: Serve
  /** Where there are so many that `stress = yes` holds; undefined: nothing is different then. */
  readonly serveUnderStress: () => Serve
  readonly crowd: Crowd
  readonly tls: ServerTls
  /** smtpd_upstream_proxy_timeout where there is such a proxy, else 0. */
  readonly proxyHeaderMs: number
}

interface Open {
  plan: Plan
  readonly listener: Listener
}

/** Sessions in progress may finish for so long when the server stops. */
const STOP_GRACE_MS = 10_000
/** A connection on which nothing moved for so long is not in the middle of anything. */
const QUIET_MS = 250

/** Where it listens; a service on any free port is known by its name. */
const place = ({ kind, name, address, port, path }: ListenerSpec): string =>
  path ?? `${address} ${port === 0 ? `${kind} ${name}` : port}`

/** Who may connect to a unix socket: its owner and the group of its directory. */
const SOCKET_MODE = 0o660

export class Front {
  readonly #rooms: Rooms
  readonly #shared: boolean
  readonly #open = new Map<string, Open>()
  readonly #connections = new Map<Connection, ListenerSpec['kind']>()

  /** @param shared other threads listen on the same ports */
  constructor(rooms: Rooms, shared: boolean) {
    this.#rooms = rooms
    this.#shared = shared
  }

  /** Listeners with the ports they have. */
  get listening(): ListenerSpec[] {
    return [...this.#open.values()].map(({ plan, listener }) => ({ ...plan.spec, port: listener.port }))
  }

  get status(): FrontStatus {
    const count = (kind: ListenerSpec['kind']): number =>
      [...this.#connections.values()].filter((k) => k === kind).length
    return { smtp: count('smtpd'), imap: count('imapd'), pop3: count('pop3d'), lmtp: count('lmtpd') }
  }

  /** What each listener would do. Throws what is wrong with the configuration: nothing has changed then. */
  prepare(specs: readonly ListenerSpec[]): ReadonlyMap<string, Plan> {
    const crowd = new Crowd(this.#rooms)
    return new Map(specs.map((spec) => [place(spec), this.#plan(spec, crowd)] as const))
  }

  /**
   * Opens what is new, then closes what is gone, and serves new connections by the configuration as it is now. Throws
   * what stands in the way, and leaves everything as it was.
   */
  async apply(specs: readonly ListenerSpec[]): Promise<void> {
    const wanted = this.prepare(specs)
    const opened = new Map<string, Open>()
    try {
      for (const [at, plan] of wanted) if (!this.#open.has(at)) opened.set(at, await this.#listen(plan))
    } catch (error) {
      for (const { listener } of opened.values()) void listener.stop()
      throw error
    }
    for (const [at, open] of this.#open) {
      const plan = wanted.get(at)
      if (plan !== undefined) open.plan = plan
      else {
        this.#open.delete(at)
        void open.listener.stop() // resolves when its last connection is gone, and they go on
      }
    }
    for (const [at, open] of opened) this.#open.set(at, open)
  }

  /** New connections are shown the certificates as their files are now. Throws what is wrong with them, and keeps the old ones. */
  takeCertificates(): void {
    const fresh = [...this.#open.values()].map((open) => ({ open, tls: this.#identity(open.plan.spec) }))
    for (const { open, tls } of fresh) open.plan = { ...open.plan, tls }
  }

  #plan(spec: ListenerSpec, crowd: Crowd): Plan {
    const cf = this.#rooms.current.config.with(new Map(spec.overrides)).bind(smtpdParams)
    const proxyHeaderMs = spec.kind === 'smtpd' ? (screenProxyMs(this.#rooms, spec) ?? proxyMs(cf)) : 0
    const serve = this.#service(spec)
    let stressed: Serve | undefined
    const serveUnderStress = (): Serve => (stressed ??= this.#service(underStress(spec)))
    return { spec, serve, serveUnderStress, crowd, tls: this.#identity(spec), proxyHeaderMs }
  }

  async #listen(first: Plan): Promise<Open> {
    const { address, port, path } = first.spec
    if (path !== undefined) makeDirectoryOf(path)
    const open: { plan: Plan } = { plan: first }
    const listener = await listen({
      address,
      port,
      unix: path === undefined ? undefined : { path, mode: SOCKET_MODE },
      shared: this.#shared,
      tls: () => open.plan.tls,
      implicitTls: () => open.plan.spec.implicitTls,
      proxyHeaderMs: () => open.plan.proxyHeaderMs,
      onProxyFailure: (address, error) =>
        publish<PolicyWarning>({ event: 'policy.warning', text: `haproxy [${address}]: ${error.message}` }),
      onConnection: (connection) => this.#accept(open.plan, connection),
    })
    return Object.assign(open, { listener })
  }

  #accept(plan: Plan, connection: Connection): void {
    const { spec, crowd } = plan
    this.#connections.set(connection, spec.kind)
    connection.whenClosed(() => this.#connections.delete(connection))
    const welcome = crowd.welcome(spec, connection)
    if (typeof welcome === 'string') return serveAs(welcome, plan, connection)
    connection.pause()
    void welcome.then((late) => {
      if (connection.closed) return
      connection.resume()
      serveAs(late, plan, connection)
    })
  }

  #identity(spec: ListenerSpec): ServerTls {
    const { current, paths, clock } = this.#rooms
    const config = current.config.with(new Map(spec.overrides))
    const level = spec.kind === 'smtpd' && tlsLevel(config.bind(smtpdParams)) === 'encrypt'
    return identityOf({
      config,
      tlsDir: paths.tls,
      nowMs: clock.now(),
      tables: current.tables,
      required: spec.implicitTls || level,
      ticketKeys: this.#rooms.ticketKeys,
      brought: broughtFor(config, paths.acme, spec.overrides),
      handed: this.#rooms.handed,
    }).tls
  }

  #service(spec: ListenerSpec): Serve {
    if (spec.kind === 'smtpd') {
      const config = this.#rooms.current.config.with(new Map(spec.overrides))
      return smtpServiceFor(this.#rooms, spec, postmasterOf(this.#rooms, 'server', config))
    }
    if (spec.kind === 'lmtpd') {
      const config = this.#rooms.current.config.with(new Map(spec.overrides))
      return lmtpdFor(this.#rooms, spec, postmasterOf(this.#rooms, 'server', config, 'LMTP'))
    }
    const { current, clock, startExchange, systemPassword } = this.#rooms
    const { accounts, store, sasl, hostname, cf, loginSources } = current
    const system = cf.system_passwords ? systemPassword : undefined
    const imap = spec.kind === 'imapd'
    const sources = { conf: sasl, ...(system !== undefined && { system }), ...loginSources }
    const backend = createSaslBackend(accounts, { service: imap ? 'imap' : 'pop', ...sources })
    const mechanisms = selectMechanisms({
      available: availableMechanisms(accounts, sources),
      mechList: sasl.mechList,
      securityOptions: ['noanonymous'],
    })
    const door = loginDoor(this.#rooms, imap ? 'imap' : 'pop3', current.config)
    const common = { door, clock, store, backend, mechanisms, startExchange, hostname, tlsAvailable: true, version }
    return imap
      ? createImapd({ ...common, accounts, cf: current.config.bind(imapdParams) })
      : createPop3d({
          ...common,
          offersApop: this.#offersApop(
            [system, loginSources.maps, loginSources.directories].some((one) => one !== undefined),
          ),
          cf: current.config.bind(pop3dParams),
        })
  }

  /** Passwords that others keep cannot be digested. */
  #offersApop(withSystem: boolean): boolean {
    const { accounts, sasl } = this.#rooms.current
    return !withSystem && accounts.knowsApop && sasl.sources.every((source) => source === 'accounts')
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
    if (kind === 'smtpd' || kind === 'lmtpd') connection.end(`421 4.3.2 ${hostname} Service shutting down\r\n`)
    else
      connection.end(kind === 'imapd' ? '* BYE Server shutting down\r\n' : '-ERR [SYS/TEMP] Server shutting down\r\n')
    this.#connections.delete(connection)
  }
}

function serveAs(welcome: Welcome, { spec, serve, serveUnderStress }: Plan, connection: Connection): void {
  if (welcome === 'refused') connection.end(refusalOf(spec.kind))
  else if (welcome === 'under stress') serveUnderStress()(connection)
  else serve(connection)
}

const underStress = (spec: ListenerSpec): ListenerSpec => ({
  ...spec,
  overrides: [...spec.overrides, ['stress', 'yes']],
})

/** Where a unix socket is to lie; Postfix's `private` has the same mode. Throws ListenError. */
export function makeDirectoryOf(path: string): void {
  const directory = dirname(path)
  try {
    if (!existsSync(directory)) mkdirSync(directory, { mode: 0o700 })
    accessSync(directory, constants.W_OK | constants.X_OK)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    throw new ListenError(`${path}: ${directory} is not there, or may not be written to`, code)
  }
}

function proxyMs(cf: Settings<typeof smtpdParams>): number {
  return cf.smtpd_upstream_proxy_protocol === 'haproxy' ? cf.smtpd_upstream_proxy_timeout : 0
}
