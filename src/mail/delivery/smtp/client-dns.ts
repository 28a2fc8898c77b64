/** DNS as the client sees it: through smtp_dns_reply_filter, and with an eye on whether there is DNSSEC. */
import { filteredResolver, type Resolver } from '../../../io/dns/mod.ts'
import type { Tables } from '../../../io/tables/mod.ts'
import type { DnssecProbe } from './dnssec-probe.ts'
import { dnsLevel } from './host-addresses.ts'
import type { ClientSettings } from './params.ts'

export interface ClientDnsDeps {
  readonly probe: DnssecProbe
  readonly protocol: 'smtp' | 'lmtp'
  readonly tables: Tables
  readonly note: (text: string) => void
}

export function clientDns(
  dns: Resolver,
  cf: ClientSettings,
  { probe, protocol, tables, note }: ClientDnsDeps,
): Resolver {
  const watched = dnsLevel(cf) === 'dnssec' ? probe.watch(dns, cf, note) : dns
  if (cf.smtp_dns_reply_filter === '') return watched
  const maps = tables.maps(cf.smtp_dns_reply_filter)
  return filteredResolver(watched, {
    parameter: `${protocol}_dns_reply_filter`,
    find: async (record) => (await maps.find(record))?.result,
    told: (severity, text) => note(severity === 'info' ? text : `warning: ${text}`),
  })
}
