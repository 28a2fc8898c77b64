/** smtpd as one listener of master.cf wants it: its settings, policy, mechanisms. */
import { probeAsker, probeParams, ProbeStore } from '../../mail/queue/mod.ts'
import type { Config } from '../../io/config/mod.ts'
import type { Connection } from '../../io/net/mod.ts'
import { checkRelayGuard, createPolicy } from '../../mail/policy/mod.ts'
import { createSmtpd, type Preset, smtpdParams, type Transcript } from '../../services/smtpd/mod.ts'
import type { ListenerSpec } from './listeners.ts'
import type { Rooms } from './rooms.ts'
import { smtpdSasl } from './smtpd-sasl.ts'

/** @param tellPostmaster takes sessions with errors (notify_classes) */
export function smtpdFor(
  rooms: Rooms,
  spec: Pick<ListenerSpec, 'name' | 'overrides'>,
  tellPostmaster?: (transcript: Transcript) => void,
): (connection: Connection, preset?: Preset) => void {
  const { current, clock, resolver } = rooms
  const { router, store } = current
  const config = current.config.with(new Map(spec.overrides))
  checkRelayGuard(config)
  const cf = config.bind(smtpdParams)
  return createSmtpd({
    cf,
    clock,
    resolver,
    intake: current.intakeOf(config),
    ...smtpdSasl(rooms, config),
    policy: createPolicy({
      config,
      tables: current.tables,
      router: router.seenBy(config),
      dns: resolver,
      probe: probeAsker({ store: new ProbeStore(rooms.db), queued: rooms.queued, clock, cf: config.bind(probeParams) }),
      mailboxFull: (account, sizeOctets) => !store.hasRoom(account.id, sizeOctets),
    }),
    tables: current.tables,
    serviceName: spec.name,
    ...(tellPostmaster !== undefined && { tellPostmaster }),
    tlsAvailable: true,
    flush: flusher(rooms, config),
    validAddress: (address, declaredUtf8) => router.validAddress(address, declaredUtf8),
  })
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
