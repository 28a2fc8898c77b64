/** The screen (postscreen) of a listener: its settings, lists and memory. */
import { publish } from '#src/base/mod.ts'
import type { Db } from '../../io/db/mod.ts'
import type { Connection } from '../../io/net/mod.ts'
import { type PolicyWarning, policyParams } from '../../mail/policy/mod.ts'
import {
  accessList,
  clientCache,
  createScreen,
  DnsScore,
  postscreenParams,
  smtpdParams,
} from '../../services/smtpd/mod.ts'
import type { ListenerSpec } from './listeners.ts'
import { maillogParams } from '../maillog/params.ts'
import type { Rooms } from './rooms.ts'

/** How the screen writes times, as the rest of the log does. */
const DELAYS = { delay_logging_resolution_limit: maillogParams.delay_logging_resolution_limit }

type Screened = Pick<ListenerSpec, 'screen'>

/** What a screen needs of the rooms. */
interface ScreenRooms extends Pick<Rooms, 'resolver' | 'clock'> {
  readonly current: Pick<Rooms['current'], 'config' | 'tables'>
  readonly db: Db
}

function configOf({ current }: Pick<ScreenRooms, 'current'>, { screen = [] }: Screened): Rooms['current']['config'] {
  return current.config.with(new Map([...screen, ['process_name', 'postscreen']]))
}

export function screenFor(
  rooms: ScreenRooms,
  spec: Screened,
  serve: (connection: Connection) => void,
): (connection: Connection) => void {
  const config = configOf(rooms, spec)
  const { tables } = rooms.current
  const cf = config.bind(postscreenParams)
  const { mynetworks, dnsbl_self_test } = config.bind(policyParams)
  const options = { selfTest: dnsbl_self_test, limitMs: cf.postscreen_dnsbl_timeout }
  const score =
    cf.postscreen_dnsbl_sites.length === 0
      ? undefined
      : new DnsScore(cf.postscreen_dnsbl_sites, rooms.resolver, options)
  return createScreen({
    cf,
    stressed: config.with(new Map([['stress', 'yes']])).bind(postscreenParams),
    host: { ...config.bind(smtpdParams), ...config.bind(DELAYS) },
    clock: rooms.clock,
    tables,
    access: accessList(cf.postscreen_access_list, {
      tables,
      mynetworks,
      warn: (text) => publish<PolicyWarning>({ event: 'policy.warning', text }),
    }),
    score,
    replyName: cf.postscreen_dnsbl_reply_map === '' ? undefined : tables.open(cf.postscreen_dnsbl_reply_map),
    cache: cf.postscreen_cache_map === '' ? undefined : clientCache(rooms.db),
    serve,
  })
}

/** How long a load balancer in front of the screen may take to say who the client is; undefined: no screen is here. */
export function screenProxyMs(rooms: Rooms, spec: Screened): number | undefined {
  if (spec.screen === undefined) return undefined
  const cf = configOf(rooms, spec).bind(postscreenParams)
  return cf.postscreen_upstream_proxy_protocol === 'haproxy' ? cf.postscreen_upstream_proxy_timeout : 0
}
