/** The rooms of one thread, put together: configuration, database, log, accounts, store, routing, intake. */
import { statfsSync } from 'node:fs'
import { QueueIds, systemClock, type Clock, Wakeup } from '#src/base/mod.ts'
import { startExchange } from '../../formats/sasl/mod.ts'
import { says8bit, traceDates } from '../../formats/message/mod.ts'
import { SegmentLog } from '../../io/blobs/mod.ts'
import { type Config, loadConfig, type Settings, splitList } from '../../io/config/mod.ts'
import { type SqliteDb, WriteTurn } from '../../io/db/mod.ts'
import { createResolver, type Resolver } from '../../io/dns/mod.ts'
import { TicketKeys } from '../../io/net/mod.ts'
import { createTables, type Tables } from '../../io/tables/mod.ts'
import {
  type Accounts,
  accountKey,
  accountsParams,
  accountsTable,
  openAccounts,
  readSaslConf,
  type SaslConf,
  saslSearchPath,
  verifierFamilies,
} from '../../mail/accounts/mod.ts'
import { Backups } from '../backup/control.ts'
import type { Intake, IntakeDeps, MailboxIntake } from '../../mail/intake/mod.ts'
import { localParams } from '../../mail/delivery/mod.ts'
import { FailureCounters, Logins, loginsParams, type LoginsSettings } from '../../mail/logins/mod.ts'
import { QueueDesk, QueueStore } from '../../mail/queue/mod.ts'
import { createRouter, type Router } from '../../mail/routing/mod.ts'
import {
  ChangeFeed,
  createAnalyser,
  createStore,
  FEED_OCTETS,
  type MessageFacts,
  type Store,
  storeParams,
} from '../../mail/store/mod.ts'
import { SharedRates } from '../../services/smtpd/mod.ts'
import { allParams } from '../registry.ts'
import { type DataPaths, dataPaths } from './data-dir.ts'
import { openMailDatabase } from './database.ts'
import { Intakes } from './intakes.ts'
import { type LoginSources, loginSources } from './login-sources.ts'
import { mainParams } from './params.ts'
import { withoutStatusFilter } from './status-filters.ts'
import { forwardLookup, systemUsers } from './system-users.ts'
import { saslApplication } from './smtpd-sasl.ts'

/** Memory that all threads of a server share. */
export interface SharedMemory {
  readonly turn: SharedArrayBuffer
  readonly feed: SharedArrayBuffer
  /** Raised when something stands in the queue. */
  readonly queue: SharedArrayBuffer
  /** What TLS sessions are sealed with. */
  readonly tickets: SharedArrayBuffer
  /** Failed log-ins. */
  readonly logins: SharedArrayBuffer
  /** What clients of smtpd do, and how often. */
  readonly rates: SharedArrayBuffer
}

export function makeSharedMemory(): SharedMemory {
  return {
    turn: WriteTurn.memory(),
    feed: new SharedArrayBuffer(FEED_OCTETS),
    queue: new SharedArrayBuffer(4),
    tickets: TicketKeys.memory(),
    logins: FailureCounters.memory(),
    rates: SharedRates.memory(),
  }
}

export interface RoomsOptions {
  readonly directory: string
  /** Below MAX_THREADS, no other living thread has it. */
  readonly thread: number
  readonly shared: SharedMemory
  /** Another thread has brought the tables up to date. */
  readonly migrated: boolean
  readonly overrides?: ReadonlyMap<string, string>
  /** Files of main.cf that the launcher read for this process. */
  readonly handed?: ReadonlyMap<string, string>
  /** Only looks: nothing is written by whoever has these rooms. */
  readonly readOnly?: boolean
}

/** What depends on main.cf alone and is made anew on reload. */
export interface Configured {
  readonly config: Config
  readonly cf: Settings<typeof mainParams>
  readonly tables: Tables
  readonly accounts: Accounts
  readonly router: Router
  readonly store: Store
  readonly intake: Intake
  /** For what sendmail left in the maildrop. */
  readonly pickupIntake: Intake
  /** The intake of a listener, by its configuration. */
  readonly intakeOf: (listener: Config) => MailboxIntake
  /** What that is made of, for one that only says what it would do. */
  readonly intakeDepsOf: (listener: Config) => IntakeDeps<MessageFacts>
  readonly sasl: SaslConf
  readonly loginsCf: LoginsSettings
  readonly loginSources: LoginSources
  readonly hostname: string
}

export interface Rooms {
  /** The write turn of this thread. */
  readonly turn: WriteTurn
  readonly paths: DataPaths
  readonly clock: Clock
  readonly db: SqliteDb
  readonly log: SegmentLog
  readonly resolver: Resolver
  readonly queue: QueueStore
  readonly desk: QueueDesk
  /** Main's, once it runs: what is on its way is known there. */
  readonly runner: { current: { isActive(message: number): boolean } | undefined }
  readonly queued: Wakeup
  readonly ticketKeys: TicketKeys
  readonly logins: Logins
  readonly rates: SharedRates
  readonly startExchange: typeof startExchange
  /** Backups that are being made; main's are asked. */
  readonly backups: Backups
  /** As of the last good load. */
  current: Configured
  /** Files of main.cf that the launcher read for this process. */
  handed: ReadonlyMap<string, string>
  /** Asks the system whether a password is a user's; undefined: nobody here may. */
  systemPassword: ((user: string, password: string) => Promise<boolean>) | undefined
  /** Reads the configuration anew; throws ConfigError and then keeps what was. */
  reload(): void
  close(): Promise<void>
}

/** How long the answer to "is there room on the disk" is believed. */
const STATFS_EVERY_MS = 1000

export function openRooms(options: RoomsOptions): Rooms {
  const clock = systemClock
  const config = readConfig(options)
  const paths = dataPaths(config)
  const turn = new WriteTurn(options.shared.turn, options.thread)
  const db = openMailDatabase(paths.database, {
    turn,
    migrated: options.migrated,
    ...(options.readOnly === true && { readOnly: true }),
  })
  const cf = config.bind(mainParams)
  const log = new SegmentLog({ dir: paths.log, db, clock, memoryLimit: cf.intake_memory_limit })
  const feed = new ChangeFeed(options.shared.feed)
  const queued = new Wakeup(options.shared.queue)
  const resolver = createResolver()
  const queue = new QueueStore(db, log)
  const runner: { current: { isActive(message: number): boolean } | undefined } = { current: undefined }
  const desk = new QueueDesk(db, log, (message) => runner.current?.isActive(message) ?? false)
  const queueIds = new QueueIds(options.thread)
  const freeOctets = freeSpace(paths.dir, clock)
  const configure = (fresh: Config): Configured => {
    const accounts = accountsOf(fresh, db, paths, clock)
    const tables = createTables({
      directory: fresh.value('queue_directory') ?? '/',
      clock,
      types: { accounts: () => accountsTable(accounts) },
      parameter: (name) => fresh.value(name),
    })
    let sources: LoginSources | undefined
    const quota = mailboxQuota(fresh)
    const settings = fresh.bind(storeParams)
    const store = createStore({
      db,
      log,
      feed,
      clock,
      settings,
      analyser: createAnalyser,
      quotaOf: (id) => {
        const { quotaOctets = 0, quotaMessages = 0, quotaMailboxes = 0 } = accounts.byId(id) ?? {}
        return { octets: quotaOctets || quota, messages: quotaMessages, mailboxes: quotaMailboxes }
      },
    })
    const routerOf = (own: Config): Router =>
      createRouter({
        config: own,
        tables,
        accounts,
        systemUser: systemUsers(tables),
        accountForSystemUser: (name) => accounts.ofSystemUser(name),
        hasForward: forwardLookup(fresh.bind(localParams)),
      })
    const intakes = new Intakes(fresh, {
      tables,
      routerOf,
      intake: {
        clock,
        log,
        queueIds,
        store,
        queue,
        analyser: createAnalyser,
        says8bit: ({ parts }, deep) => says8bit(parts, deep),
        atOnce: withoutStatusFilter(fresh),
        freeOctets,
        condition: () => (db.readOnly ? 'read-only' : db.walFull ? 'full' : 'writable'),
        hasRoom: (account, octets) => store.hasRoom(account, octets),
        date: traceDates(),
        onQueued: () => queued.notify(),
      },
    })
    const sasl = readSaslConf(
      saslApplication(fresh),
      saslSearchPath(fresh.directory, fresh.value('cyrus_sasl_config_path')),
    )
    return {
      config: fresh,
      cf: fresh.bind(mainParams),
      tables,
      accounts,
      router: intakes.router,
      store,
      intake: intakes.own,
      pickupIntake: intakes.pickup,
      intakeOf: (listener) => intakes.of(listener),
      intakeDepsOf: (listener) => intakes.depsOf(listener),
      sasl,
      loginsCf: fresh.bind(loginsParams),
      get loginSources() {
        return (sources ??= loginSources(fresh, { tables, clock })) // only those who listen open its tables
      },
      hostname: fresh.value('myhostname') ?? 'localhost',
    }
  }
  const rooms: Rooms = {
    turn,
    paths,
    clock,
    db,
    log,
    resolver,
    queue,
    desk,
    runner,
    queued,
    backups: new Backups(paths, clock),
    ticketKeys: new TicketKeys(options.shared.tickets),
    rates: new SharedRates({ memory: options.shared.rates, thread: options.thread, clock }),
    logins: new Logins({
      db,
      clock,
      memory: options.shared.logins,
      accounts: () => rooms.current.accounts,
      cf: () => rooms.current.loginsCf,
    }),
    startExchange,
    current: configure(config),
    handed: options.handed ?? new Map(),
    systemPassword: undefined,
    reload() {
      const before = rooms.current
      rooms.current = configure(readConfig(options))
      before.tables.close() // sessions in progress keep them; their connections end with what is being asked
    },
    async close() {
      rooms.current.tables.close()
      await rooms.logins.close()
      await log.close()
      db.close()
    },
  }
  return rooms
}

export function readConfig({ directory, overrides }: Pick<RoomsOptions, 'directory' | 'overrides'>): Config {
  const config = loadConfig(directory, allParams())
  return overrides === undefined || overrides.size === 0 ? config : config.with(overrides)
}

export function accountsOf(config: Config, db: SqliteDb, paths: DataPaths, clock: Clock): Accounts {
  const local = new Set(splitList(config.value('mydestination') ?? '').map((word) => word.toLowerCase()))
  const plain = [...local].filter((word) => !/[:/!]/.test(word))
  const realm = config.value('smtpd_sasl_local_domain') ?? ''
  return openAccounts({
    db,
    key: accountKey(db, paths.key),
    defaultRealm: realm === '' ? (config.value('myhostname') ?? 'localhost') : realm,
    isLocalDomain: (domain) => local.has(domain),
    localDomains: plain,
    families: verifierFamilies(config.bind(accountsParams).password_verifiers),
    clock,
  })
}

/** Where main.cf sets mailbox_size_limit, it is the quota of every mailbox; its default is no quota. */
function mailboxQuota(config: Config): number {
  return config.raw('mailbox_size_limit') === undefined ? 0 : Number(config.value('mailbox_size_limit') ?? 0)
}

function freeSpace(dir: string, clock: Clock): () => number {
  let askedAt = Number.NEGATIVE_INFINITY
  let free = 0
  return () => {
    if (clock.monotonic() - askedAt > STATFS_EVERY_MS) {
      const { bavail, bsize } = statfsSync(dir)
      free = bavail * bsize
      askedAt = clock.monotonic()
    }
    return free
  }
}
