/**
 * The server: one process with all its threads. Main keeps the configuration, recovery, the queue and the control socket;
 * fronts speak with clients. With one thread, main is its own front.
 */
import { availableParallelism, totalmem } from 'node:os'
import type { Config } from '../../io/config/mod.ts'
import { endRun, type ServerLock, ServerRunsError, takeServerLock } from '../../io/db/mod.ts'
import { listen, sendHttp } from '../../io/net/mod.ts'
import {
  type AllAgents,
  createAgents,
  runAsChild,
  type SmtpAgent,
  type StatusFilter,
  TlsCounts,
} from '../../mail/delivery/mod.ts'
import { QueueRunner } from '../../mail/queue/mod.ts'
import { publish } from '#src/base/mod.ts'
import { Certificates } from '../certificates/certificates.ts'
import { acmeFindings } from '../certificates/findings.ts'
import { broughtFor } from '../certificates/settings.ts'
import { type Maillog, startMaillog } from '../maillog/maillog.ts'
import { type PathRecord, recordPaths } from '../paths/recorder.ts'
import type { LauncherClient } from '../launcher/client.ts'
import { handedFiles } from '../launcher/handed.ts'
import { allParams } from '../registry.ts'
import { version } from '../version.ts'
import { type ControlAnswer, type ControlRequest, serveControl } from './control.ts'
import { dataPaths, makeDataDirectory, refuseDamaged } from './data-dir.ts'
import { openMailDatabase } from './database.ts'
import { makeDirectoryOf } from './front.ts'
import { Fronts } from './fronts.ts'
import { identityOf } from './identity.ts'
import { authFindings } from './tls-findings.ts'
import { answerTools, holderAfterKeeper } from './keeper.ts'
import { type ListenerSpec, listenersOf } from './listeners.ts'
import { localProgram, makeLocalAgent } from './local-delivery.ts'
import { LocalMail } from './local-mail.ts'
import { noticesOf } from './notices.ts'
import { mainParams } from './params.ts'
import { proberOf } from './prober.ts'
import { makePipeAgent, pipeService } from './pipe-delivery.ts'
import { recoverData, type StartReport } from './recovery.ts'
import { rerouted } from './requeue.ts'
import { makeSharedMemory, openRooms, readConfig, type Rooms, type SharedMemory } from './rooms.ts'
import { clientProgram, makeSmtpAgent } from './smtp-client.ts'
import { snapshotParams } from './snapshot-params.ts'
import { type ServerStatus, statusOf } from './server-status.ts'
import { Snapshots } from './snapshots.ts'
import { statusFilterOf } from './status-filters.ts'
import { TlsReporter } from './tls-reporter.ts'
import { Upkeep } from './upkeep.ts'
import { upkeepParts, upkeepSettings } from './upkeep-parts.ts'
import { type UpkeepRunner, UpkeepWorker } from './upkeep-worker.ts'

export interface ServerOptions {
  readonly directory: string
  readonly portOffset: number
  readonly overrides?: ReadonlyMap<string, string>
  /** Every listener takes a free port instead of its own (tests); needs a single thread. */
  readonly freePorts?: boolean
  /** All in one thread, whatever main.cf says (tests, embedding). */
  readonly singleThread?: boolean
  /** What stayed root, when root started this. */
  readonly launcher?: LauncherClient
}

/** Less memory than this, and all runs in one thread. */
const SMALL_MACHINE = 1024 ** 3
export class Server {
  readonly #options: ServerOptions
  readonly #rooms: Rooms
  readonly #lock: ServerLock
  readonly #maillog: Maillog
  readonly #record: PathRecord
  #upkeep: UpkeepRunner | undefined
  readonly #tlsCounts: TlsCounts
  readonly #tlsReporter: TlsReporter
  readonly #snapshots: Snapshots
  #smtpAgent: SmtpAgent | undefined
  readonly #runner: QueueRunner
  readonly #localMail: LocalMail
  readonly #certificates: Certificates
  readonly #startedMs = Date.now()
  #specs: readonly ListenerSpec[]
  readonly #fronts: Fronts
  #control: Awaited<ReturnType<typeof serveControl>> | undefined
  #stopping: Promise<void> | undefined
  #whenStopped: () => void = () => {}
  readonly stopped: Promise<void>

  private constructor(
    options: ServerOptions,
    parts: { rooms: Rooms; shared: SharedMemory; lock: ServerLock; specs: readonly ListenerSpec[] },
  ) {
    this.#options = options
    this.#rooms = parts.rooms
    this.#lock = parts.lock
    this.#specs = parts.specs
    this.#fronts = new Fronts(options, parts.rooms, parts.shared)
    this.#maillog = startMaillog(parts.rooms.current)
    this.#record = recordPaths(parts.rooms, 0)
    const { rooms } = parts
    this.#tlsCounts = new TlsCounts(rooms.db, () => rooms.clock.now())
    this.#tlsReporter = new TlsReporter({ rooms, counts: this.#tlsCounts, send: sendHttp, random: Math.random })
    this.#runner = this.#makeRunner()
    parts.rooms.runner.current = this.#runner
    this.#localMail = new LocalMail(parts.rooms, noticesOf(parts.rooms))
    this.#certificates = new Certificates({
      rooms,
      handed: () => handedFiles(rooms.current.config, options.launcher),
      take: () => this.takeCertificates(),
    })
    this.#snapshots = new Snapshots({
      paths: rooms.paths,
      clock: rooms.clock,
      keep: () => rooms.current.config.bind(snapshotParams).snapshot_keep,
    })
    this.stopped = new Promise((resolve) => (this.#whenStopped = resolve))
  }

  /** Throws what stands in the way (ConfigError, ListenError, ServerRunsError …); then nothing is left started. */
  static async start(options: ServerOptions): Promise<{ server: Server; report: StartReport }> {
    const config = readConfig(options)
    checkValues(config)
    const specs = specsOf(config, options)
    const paths = dataPaths(config)
    const holder = await holderAfterKeeper(paths.dir)
    if (holder !== undefined) throw new ServerRunsError(holder)
    await checkPorts(specs)
    refuseDamaged(paths)
    makeDataDirectory(paths)
    openMailDatabase(paths.database).close() // makes it, and brings the tables up to date
    const lock = takeServerLock(paths.dir, paths.database)
    try {
      const shared = makeSharedMemory()
      const handed = await handedFiles(config, options.launcher)
      const rooms = openRooms({ ...options, thread: 0, shared, migrated: true, handed })
      rooms.systemPassword = options.launcher?.verify.bind(options.launcher)
      const report = await recoverData(rooms, shared.feed)
      const server = new Server(options, { rooms, shared, lock, specs })
      await server.#begin()
      return { server, report }
    } catch (error) {
      lock.release()
      throw error
    }
  }

  async #begin(): Promise<void> {
    const { cf, config, tables } = this.#rooms.current
    const { paths, clock } = this.#rooms
    const brought = broughtFor(config, paths.acme)
    identityOf({ config, tlsDir: paths.tls, nowMs: clock.now(), tables, handed: this.#rooms.handed, brought }) // made once, before the threads look for it
    const single = this.#options.singleThread ?? isSingle(cf.single_thread)
    this.#upkeep = this.#makeUpkeep(single)
    this.#upkeep.start()
    this.#snapshots.start()
    try {
      await this.#fronts.start(this.#specs, single)
      await this.#localMail.start()
      this.#control = await serveControl(this.#rooms.paths.control, (request) => this.#answer(request))
      this.#certificates.start()
      this.#tlsReporter.start()
      this.#runner.start() // last: what waits in a full queue is no reason to be ready later
    } catch (error) {
      await this.stop()
      throw error
    }
    publish({
      event: 'main.started',
      text: `daemon started -- version ${version}, configuration ${this.#options.directory}`,
    })
    this.#warn()
  }

  /** What a postmaster should hear of at each start and reload. */
  #warn(): void {
    const { config } = this.#rooms.current
    for (const { severity, file, line, text, proposal } of [...authFindings(config), ...acmeFindings(config)]) {
      if (severity === 'note') continue
      const write = proposal === undefined ? '' : ` (write: ${proposal})`
      publish({ event: 'main.warning', text: `warning: ${file}, line ${line}: ${text}${write}` })
    }
  }

  #makeUpkeep(single: boolean): UpkeepRunner {
    const { paths, turn } = this.#rooms
    if (single) return new Upkeep(upkeepParts(this.#rooms))
    return new UpkeepWorker({ database: paths.database, dir: paths.log, settings: upkeepSettings(this.#rooms) }, turn)
  }

  #makeRunner(): QueueRunner {
    const { queue, clock, queued } = this.#rooms
    const bind = (): Rooms['current']['config'] => this.#rooms.current.config
    const smtp = makeSmtpAgent(this.#rooms, (...job) => agent.pass(...job), this.#tlsCounts)
    this.#smtpAgent = smtp
    const isSmtp = (transport: string): boolean => clientProgram(bind(), transport) !== undefined
    const run = this.#options.launcher?.run ?? runAsChild
    const local = makeLocalAgent(this.#rooms, () => agent, run)
    const pipe = makePipeAgent(this.#rooms, run)
    const isPipe = (transport: string): boolean => pipeService(bind(), transport) !== undefined
    const isLocal = (transport: string): boolean => localProgram(bind(), transport) !== undefined
    const statusFilter = (transport: string): StatusFilter | undefined => statusFilterOf(this.#rooms, transport)
    const agent: AllAgents = createAgents({ smtp, isSmtp, local, isLocal, pipe, isPipe, statusFilter })
    return new QueueRunner({
      store: queue,
      clock,
      queued,
      config: bind,
      agent,
      notify: noticesOf(this.#rooms),
      prober: proberOf(this.#rooms, agent),
      reroute: (sender, recipient) => rerouted(this.#rooms.current.router, sender, recipient),
    })
  }

  async #answer(request: ControlRequest): Promise<ControlAnswer> {
    switch (request.command) {
      case 'status':
        return { ok: true, status: await this.status() }
      case 'reload': {
        const problem = await this.reload()
        return problem === undefined ? { ok: true } : { ok: false, error: problem }
      }
      case 'reopen-log':
        this.#maillog.writer.reopen()
        return this.#fronts.reopenLog().then(
          () => ({ ok: true }),
          (error: Error) => ({ ok: false, error: error.message }),
        )
      case 'mailboxes-changed':
        for (const account of accountsIn(request)) this.#rooms.current.store.changedElsewhere(account)
        return { ok: true }
      case 'certificate-renew': {
        const problem = await this.#certificates.renew()
        return problem === undefined ? { ok: true } : { ok: false, error: problem }
      }
      case 'stop':
        setImmediate(() => void this.stop())
        return { ok: true, pid: process.pid }
      case 'tls-report':
        await this.#tlsCounts.flush()
        return answerTools(this.#rooms, request)
      default:
        return answerTools(this.#rooms, request)
    }
  }

  /** All listeners show what the files hold now. Throws what is wrong with one; then that listener keeps what it had. */
  async takeCertificates(): Promise<void> {
    this.#rooms.handed = await handedFiles(this.#rooms.current.config, this.#options.launcher)
    await this.#fronts.takeCertificates()
  }

  /** Takes up a changed configuration. A bad one is refused, and everything stays as it was; answers what is wrong. */
  async reload(): Promise<string | undefined> {
    const before = this.#rooms.current
    const handedBefore = this.#rooms.handed
    const specsBefore = this.#specs
    try {
      const config = readConfig(this.#options)
      checkValues(config)
      const specs = specsOf(config, this.#options)
      await checkPorts(
        specs.filter((spec) => !specsBefore.some((old) => old.port === spec.port && old.address === spec.address)),
      )
      this.#rooms.handed = await handedFiles(config, this.#options.launcher)
      this.#rooms.reload()
      await this.#fronts.reload(specs)
      this.#specs = specs
      this.#smtpAgent?.forget()
      this.#upkeep?.apply(upkeepSettings(this.#rooms))
      this.#certificates.reloaded()
      this.#maillog.reload(this.#rooms.current)
      publish({
        event: 'main.reloaded',
        text: `reload -- version ${version}, configuration ${this.#options.directory}`,
      })
      this.#warn()
      return undefined
    } catch (error) {
      this.#rooms.current = before
      this.#rooms.handed = handedBefore
      this.#specs = specsBefore
      this.#fronts.keep(specsBefore)
      const text = error instanceof Error ? error.message : String(error)
      publish({ event: 'main.reload-failed', text: `the configuration was not taken up: ${text}` })
      return text
    }
  }

  /** What listens, with the ports as they are. */
  get services(): readonly ListenerSpec[] {
    return (this.#options.freePorts === true ? this.#fronts.listening : undefined) ?? this.#specs
  }

  /** For embedding and tests: accounts, store, queue. */
  get rooms(): Rooms {
    return this.#rooms
  }

  async status(): Promise<ServerStatus> {
    return statusOf({
      rooms: this.#rooms,
      directory: this.#options.directory,
      startedMs: this.#startedMs,
      threads: 1 + this.#fronts.threads + (this.#upkeep instanceof UpkeepWorker ? 1 : 0),
      services: this.services,
      connections: await this.#fronts.status(),
      acme: this.#certificates.status(),
      snapshot: this.#snapshots.status(),
    })
  }

  /** Ends in order: fronts finish what is in progress, the queue stops, all is sealed and synced. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    await this.#certificates.stop()
    await this.#fronts.stop()
    await this.#localMail.stop()
    await this.#runner.stop()
    this.#smtpAgent?.forget()
    await this.#tlsReporter.stop()
    await Promise.all([this.#snapshots.stop(), this.#rooms.backups.stop()])
    await this.#upkeep?.stop()
    await this.#rooms.logins.close()
    await this.#rooms.log.close()
    await endRun(this.#rooms.db)
    this.#control?.close()
    publish({ event: 'main.stopped', text: 'terminating' })
    this.#record.close()
    this.#maillog.close()
    this.#rooms.db.close()
    this.#lock.release()
    this.#whenStopped()
  }
}

function isSingle(setting: 'auto' | 'yes' | 'no'): boolean {
  return setting === 'auto' ? availableParallelism() < 2 || totalmem() < SMALL_MACHINE : setting === 'yes'
}

/**
 * Opens every port alone for a moment: with shared ports the kernel would let a second server of ours in beside the first.
 * Throws ListenError, which names who holds the port.
 */
async function checkPorts(specs: readonly ListenerSpec[]): Promise<void> {
  for (const { address, port, path } of specs) {
    if (path !== undefined) makeDirectoryOf(path)
    if (port === 0 || path !== undefined) continue
    const probe = await listen({ address, port, onConnection: (connection) => connection.destroy() })
    await probe.stop()
  }
}

/**
 * A wrong value anywhere stops the start. A default that is out of bounds for what it refers to is refused by who uses it: a
 * default_process_limit of 5 is too small for postscreen_pre_queue_limit alone, and few run postscreen.
 */
function checkValues(config: Config): void {
  for (const [name, spec] of allParams()) if (config.raw(name) !== undefined) config.bind({ [name]: spec })
}

function specsOf(config: Config, { freePorts, portOffset }: ServerOptions): readonly ListenerSpec[] {
  const named = listenersOf(config, config.bind(mainParams).mailbox_services, portOffset)
  return freePorts === true ? named.map((spec) => ({ ...spec, port: 0 })) : named
}

/** Whose mailboxes a command changed. */
function accountsIn({ accounts }: ControlRequest): number[] {
  return Array.isArray(accounts)
    ? accounts.filter((account): account is number => Number.isSafeInteger(account) && account >= 0)
    : []
}
