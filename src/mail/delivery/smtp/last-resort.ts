/** What becomes of mail whose servers cannot be found: what may be a mistake of configuration waits. Postfix: smtp_connect.c. */
import type { ClientSettings } from './params.ts'
import type { Failure } from './words.ts'

export interface LastSite {
  /** The next hop that was tried last. */
  readonly site: string
  readonly isFallback: boolean
  /** The transport's next hop. */
  readonly nexthop: string
  readonly transport: string
  readonly protocol: 'smtp' | 'lmtp'
}

export type LastResort =
  | { readonly failure: Failure; readonly warning?: string }
  /** best_mx_transport takes it. */
  | { readonly transport: string; readonly nexthop: string }

export function lastResort(failure: Failure, last: LastSite, cf: ClientSettings): LastResort {
  if (failure.status !== 'bounced') return { failure }
  const waits = (parameter: string): LastResort => ({
    failure: { ...failure, status: 'deferred', dsn: '4.3.5' },
    warning: `warning: ${parameter} configuration problem`,
  })
  if (last.isFallback) return waits(`${last.protocol}_fallback_relay`)
  if (last.protocol !== 'smtp') return { failure }
  if (cf.relayhost !== '' && last.nexthop.split(/[\s,]+/)[0] === cf.relayhost.split(/[\s,]+/)[0])
    return waits('relayhost')
  if (failure.dsn !== '5.4.6' || cf.best_mx_transport === '') return { failure }
  const [, transport = '', nexthop] = /^([^:]*)(?::(.*))?$/s.exec(cf.best_mx_transport) ?? []
  if (transport === last.transport) return { failure } // it would come back here without end
  return { transport, nexthop: nexthop === undefined || nexthop === '' ? last.nexthop : nexthop }
}
