/** Whether connections are taken and kept, and what they are found by. Postfix: smtp_key.c, CONNECTION_CACHE_README. */
import type { Tables } from '../../../io/tables/mod.ts'
import type { DeliveryJob } from '../../queue/mod.ts'
import type { ClientSettings } from './params.ts'
import { mustMatch, type TlsPolicy } from './tls-policy.ts'

export type Connections = NonNullable<DeliveryJob['connections']>

/** @param destination a domain or host without brackets and port, or a socket's path without `unix:` */
export async function connectionsFor(
  cf: ClientSettings,
  tables: Tables,
  job: DeliveryJob,
  destination: string,
): Promise<Connections> {
  const list = cf.smtp_connection_cache_destinations
  if (list.length > 0) {
    const parameter = 'smtp_connection_cache_destinations'
    const match = tables.matchDomain(list.join(' '), { parentDomains: false, parameter })
    if ((await match(destination)) !== undefined) return { load: true, store: true }
  }
  return cf.smtp_connection_cache_on_demand && job.connections !== undefined
    ? job.connections
    : { load: false, store: false }
}

/** Log-ins may depend on the sender: then connections are its own. */
function whose(cf: ClientSettings, job: DeliveryJob): string[] {
  const bySender = cf.smtp_sender_dependent_authentication && hasPasswords(cf)
  return [job.transport, bySender ? job.sender : '', job.smtpUtf8 ? 'SMTPUTF8' : '']
}

const hasPasswords = (cf: ClientSettings): boolean => cf.smtp_sasl_auth_enable && cf.smtp_sasl_password_maps !== ''

/** What was opened for a message that needs no TLS is not for one that may. */
export function destinationKey(
  cf: ClientSettings,
  job: DeliveryJob,
  { nexthop, tlsNotRequired }: { readonly nexthop: string; readonly tlsNotRequired: boolean },
): string {
  return [...whose(cf, job), tlsNotRequired ? 'no TLS required' : '', nexthop].join('\0')
}

/**
 * Passwords and certificates are by next hop and name: only where there are none does the address alone decide. A session in
 * TLS is for those alone who would have made the same, and would have kept it.
 */
export function serverKey(
  cf: ClientSettings,
  job: DeliveryJob,
  policy: TlsPolicy,
  { host, endpoint, site }: { readonly host: string; readonly endpoint: string; readonly site: string },
): string {
  const isNamed = hasPasswords(cf) || mustMatch(policy.level) || asksByPlace(policy)
  const named = isNamed ? [site, host] : ['', '']
  return [...whose(cf, job), ...named, endpoint, policy.level, ...handshakeOf(policy)].join('\0')
}

/** The server name that TLS asks for is that of the next hop or of the host. */
const asksByPlace = ({ level, servername }: TlsPolicy): boolean =>
  level !== 'none' && (servername === 'nexthop' || servername === 'hostname')

function handshakeOf({ level, protocols, ciphers, excluded, servername, reuse }: TlsPolicy): string[] {
  if (level === 'none') return []
  return [protocols.join(' '), ciphers, excluded.join(' '), servername, reuse ? 'reuse' : '']
}
