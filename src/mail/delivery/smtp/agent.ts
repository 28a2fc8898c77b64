/** The agent for mail to other servers by SMTP and LMTP. Postfix: smtp(8). */
import { publish } from '#src/base/mod.ts'
import { type Config, ServicePorts } from '../../../io/config/mod.ts'
import type { Resolver } from '../../../io/dns/mod.ts'
import type { Tables } from '../../../io/tables/mod.ts'
import type { Agent } from '../../queue/mod.ts'
import type { LocalEvent } from '../local/events.ts'
import { ConnectionCache } from './connection-cache.ts'
import { Delivery } from './delivery.ts'
import { allowedBy } from './flags.ts'
import { DnssecProbe } from './dnssec-probe.ts'
import type { GenericPort } from './outgoing.ts'
import type { ServerSession } from './server-session.ts'
import type { StsPolicies } from './sts/policies.ts'
import type { TellPostmaster } from './trouble.ts'
import type { TlsCounts } from './tls-report/counts.ts'
import { TlsFiles } from './tls-files.ts'
import { TlsSessions } from './tls-sessions.ts'

export interface SmtpAgentDeps {
  /** Of the transport: main.cf with the `-o` of its line in master.cf. */
  readonly config: (transport: string) => Config
  readonly protocol: (transport: string) => 'smtp' | 'lmtp'
  readonly tables: () => Tables
  readonly dns: Resolver
  readonly isOwnAddress: (address: string) => boolean
  /** Hands mail to another transport's agent (best_mx_transport). */
  readonly pass: Agent['deliver']
  /** Files of main.cf that the launcher read for this process. */
  readonly handed: () => ReadonlyMap<string, string>
  readonly generic: GenericPort
  /** Looks for policies of MTA-STS; undefined: nobody does. */
  readonly sts?: StsPolicies
  /** Counts how TLS goes; undefined: nobody does. */
  readonly counts?: TlsCounts | undefined
  readonly now: () => number
  /** The words behind the program of a transport in master.cf. */
  readonly args: (transport: string) => readonly string[]
  /** Takes sessions with trouble about mail of a sender; undefined where nobody wants to see them. */
  readonly tellPostmaster: (sender: string, protocol: 'smtp' | 'lmtp') => TellPostmaster | undefined
}

/** What deliveries share. */
export interface Shared {
  readonly tlsFiles: TlsFiles
  readonly probe: DnssecProbe
  readonly connections: ConnectionCache<ServerSession>
  readonly tlsSessions: TlsSessions
  readonly ports: ServicePorts
}

export interface SmtpAgent extends Agent {
  /** Connections that wait are closed, and TLS sessions forgotten: the configuration is another, or it is the end. */
  forget(): void
}

export function createSmtpAgent(deps: SmtpAgentDeps): SmtpAgent {
  const shared: Shared = {
    tlsFiles: new TlsFiles(deps.handed),
    probe: new DnssecProbe(),
    connections: new ConnectionCache(),
    tlsSessions: new TlsSessions(),
    ports: new ServicePorts(),
  }
  return {
    async deliver(job, report, signal) {
      const allowed = allowedBy(deps.args(job.transport), job)
      if ('flags' in allowed) return new Delivery({ ...deps, ...allowed }, shared, job, report, signal).run()
      const { failure, warning } = allowed
      if (warning !== undefined)
        publish<LocalEvent>({ event: 'delivery.warning', program: deps.protocol(job.transport), text: warning })
      for (const { id } of job.recipients) report(id, failure, 'none')
    },
    forget: () => {
      shared.connections.closeAll()
      shared.tlsSessions.clear()
      shared.ports.clear()
    },
  }
}
