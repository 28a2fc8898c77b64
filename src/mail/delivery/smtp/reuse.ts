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

/** Passwords and certificates are by next hop and name: only where there are none does the address alone decide. */
export function serverKey(
  cf: ClientSettings,
  job: DeliveryJob,
  policy: TlsPolicy,
  { host, endpoint, site }: { readonly host: string; readonly endpoint: string; readonly site: string },
): string {
  const named = hasPasswords(cf) || mustMatch(policy.level) ? [site, host] : ['', '']
  return [...whose(cf, job), ...named, endpoint, policy.level].join('\0')
}
