/** Where a message goes that is sent through a content filter: FILTER, content_filter. Postfix: qmgr_message_resolve. */
import type { Settings } from '../../io/config/mod.ts'
import type { intakeParams } from './params.ts'

export interface FilterRoute {
  readonly transport: string
  /** `''`: the domain of the recipient. */
  readonly nexthop: string
  readonly hostname: string
}

/** @param destination `transport:nexthop`; undefined for `''` */
export function filterRoute(
  destination: string,
  { default_filter_nexthop, myhostname }: Pick<Settings<typeof intakeParams>, 'default_filter_nexthop' | 'myhostname'>,
): FilterRoute | undefined {
  if (destination === '') return undefined
  const colon = destination.indexOf(':')
  return {
    transport: colon < 0 ? destination : destination.slice(0, colon),
    nexthop: (colon < 0 ? '' : destination.slice(colon + 1)) || default_filter_nexthop,
    hostname: myhostname,
  }
}

export function filterHop(
  { transport, nexthop, hostname }: FilterRoute,
  recipient: string,
): { readonly transport: string; readonly nexthop: string } {
  const at = recipient.lastIndexOf('@')
  const domain = at < 0 ? '' : recipient.slice(at + 1)
  return { transport, nexthop: nexthop || domain || hostname }
}
