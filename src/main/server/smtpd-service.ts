/** smtpd as one listener of master.cf wants it: its settings, policy, mechanisms. */
import { probeAsker, probeParams, ProbeStore } from '../../mail/queue/mod.ts'
import type { Config } from '../../io/config/mod.ts'
import type { Connection } from '../../io/net/mod.ts'
import {
  checkRelayGuard,
  createPolicy,
  endpointOf,
  Greylist,
  greylistParams,
  macroSource,
  milterParams,
  Milters,
  type MilterWarning,
  type PolicyWarning,
} from '../../mail/policy/mod.ts'
import { publish } from '#src/base/mod.ts'
import { type Maps, TableError } from '../../io/tables/mod.ts'
import type { LoginDoor } from '../../mail/logins/mod.ts'
import { intakeParams, type MailboxIntake } from '../../mail/intake/mod.ts'
import { submissionUrls } from '../../services/imapd/mod.ts'
import {
  type BeforeQueue,
  createSmtpd,
  type Preset,
  type SmtpdDeps,
  smtpdParams,
  type Transcript,
} from '../../services/smtpd/mod.ts'
import { loginDoor } from './login-door.ts'
import type { ListenerSpec } from './listeners.ts'
import type { Rooms } from './rooms.ts'
import { screenFor } from './screen.ts'
import { sendingFor } from './sending.ts'
import { smtpdSasl } from './smtpd-sasl.ts'

/** The service of a listener: smtpd, behind a screen where master.cf has postscreen. */
export function smtpServiceFor(
  rooms: Rooms,
  spec: ListenerSpec,
  tellPostmaster: ((transcript: Transcript) => void) | undefined,
): (connection: Connection) => void {
  const config = rooms.current.config.with(new Map(spec.overrides))
  const { smtpd_sasl_auth_enable: hasAuth } = config.bind(smtpdParams)
  const serve = smtpdFor(rooms, spec, tellPostmaster, hasAuth ? loginDoor(rooms, 'smtp', config) : undefined)
  return spec.screen === undefined ? (connection) => serve(connection) : screenFor(rooms, spec, serve)
}

/**
 * @param tellPostmaster takes sessions with errors (notify_classes)
 * @param door counts log-ins; without it nobody is slowed, banned or recorded
 */
export function smtpdFor(
  rooms: Rooms,
  spec: Pick<ListenerSpec, 'name' | 'overrides'>,
  tellPostmaster?: (transcript: Transcript) => void,
  door?: LoginDoor,
): (connection: Connection, preset?: Preset) => void {
  const { current, clock, resolver } = rooms
  const { router, store } = current
  const config = current.config.with(new Map(spec.overrides))
  checkRelayGuard(config)
  const cf = config.bind(smtpdParams)
  const milters = miltersFor(rooms, config)
  const sending = sendingFor(rooms, config)
  const intake = current.intakeOf(config)
  return createSmtpd({
    cf,
    clock,
    resolver,
    intake,
    ...(cf.smtpd_proxy_filter !== '' && { beforeQueue: beforeQueueOf(cf.smtpd_proxy_filter, config, intake) }),
    ...smtpdSasl(rooms, config),
    ...(door !== undefined && { door }),
    ...(door !== undefined && sending !== undefined && { sending }),
    policy: createPolicy({
      config,
      tables: current.tables,
      router: router.seenBy(config),
      dns: resolver,
      clock,
      probe: probeAsker({ store: new ProbeStore(rooms.db), queued: rooms.queued, clock, cf: config.bind(probeParams) }),
      greylist: new Greylist(rooms.db, clock, config.bind(greylistParams), greylistFailed),
      mailboxFull: (account, sizeOctets) => !store.hasRoom(account.id, sizeOctets),
    }),
    tables: current.tables,
    serviceName: spec.name,
    rates: rooms.rates,
    ...(tellPostmaster !== undefined && { tellPostmaster }),
    ...(milters !== undefined && { milters }),
    tlsAvailable: true,
    flush: flusher(rooms, config),
    ...(cf.smtpd_burl_enable && { urls: submissionUrls({ store, accounts: current.accounts, clock }) }),
    validAddress: (address, declaredUtf8) => router.validAddress(address, declaredUtf8),
  })
}

const greylistFailed = (error: unknown): void =>
  publish<PolicyWarning>({ event: 'policy.warning', text: `check_greylist: ${String(error)}` })

/** smtpd_proxy_filter: `host:port`, `inet:host:port`, `unix:path`. */
function beforeQueueOf(name: string, config: Config, intake: MailboxIntake): BeforeQueue {
  const [, type, place = name] = /^(inet|unix):(.*)$/.exec(name) ?? []
  return {
    name,
    to: endpointOf(type === 'unix' ? type : 'inet', place, config.value('queue_directory') ?? '/'),
    trace: (arrival, options, received) => intake.trace(arrival, options, received),
    draft: (sizeHint) => intake.draft(sizeHint),
  }
}

/** smtpd_milters, and by client address smtpd_milter_maps. */
function miltersFor({ current }: Rooms, config: Config): SmtpdDeps['milters'] | undefined {
  const cf = config.bind(milterParams)
  const { receive_override_options: options } = config.bind(intakeParams)
  const isOff = options.includes('no_milters')
  if (isOff || (cf.smtpd_milters === '' && cf.smtpd_milter_maps === '')) return undefined
  const maps = current.tables.maps(cf.smtpd_milter_maps)
  const queueDirectory = config.value('queue_directory') ?? '/'
  const hostname = config.value('myhostname') ?? 'localhost'
  return async ({ address }, facts) => {
    const list = (await listed(maps, address)) ?? cf.smtpd_milters
    if (list === '' || list.trim().toUpperCase() === 'DISABLE') return undefined
    return new Milters(list, {
      cf,
      queueDirectory,
      macros: macroSource({ cf, hostname, facts, router: current.router }),
    })
  }
}

/** Milters are not done without because a table fails: the others look in its place, as in Postfix. */
async function listed(maps: Maps, address: string): Promise<string | undefined> {
  try {
    return (await maps.find(address))?.result
  } catch (error) {
    if (!(error instanceof TableError)) throw error
    publish<MilterWarning>({ event: 'milter.warning', service: 'smtpd', text: error.message })
    return undefined
  }
}

/** ETRN: only for fast_flush_domains, so that nobody makes us try all the world at once. */
function flusher(rooms: Rooms, config: Config): (domain: string) => Promise<'started' | 'denied' | 'failed'> {
  const { tables } = rooms.current
  const parameter = 'fast_flush_domains'
  const allowed = tables.matchDomain(config.value(parameter) ?? '', { parentDomains: true, parameter })
  return async (domain) => {
    if ((await allowed(domain)) === undefined) return 'denied'
    await rooms.desk.flush({ domain: domain.toLowerCase() })
    rooms.queued.notify()
    return 'started'
  }
}
