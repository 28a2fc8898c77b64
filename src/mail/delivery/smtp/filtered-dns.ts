/** DNS as the client sees it: through smtp_dns_reply_filter. */
import { publish } from '#src/base/mod.ts'
import { filteredResolver, type Resolver } from '../../../io/dns/mod.ts'
import type { Tables } from '../../../io/tables/mod.ts'
import type { ClientEvent } from './events.ts'
import type { ClientSettings } from './params.ts'

export function filteredDns(
  dns: Resolver,
  { smtp_dns_reply_filter: spec }: ClientSettings,
  { protocol, tables }: { readonly protocol: 'smtp' | 'lmtp'; readonly tables: Tables },
): Resolver {
  if (spec === '') return dns
  const maps = tables.maps(spec)
  return filteredResolver(dns, {
    parameter: `${protocol}_dns_reply_filter`,
    find: async (record) => (await maps.find(record))?.result,
    told(severity, text) {
      publish<ClientEvent>({ event: 'client.note', protocol, text: severity === 'info' ? text : `warning: ${text}` })
    },
  })
}
