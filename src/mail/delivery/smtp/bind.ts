/** Connections from the address that is set, or from the only one that the mail system has. */
import { isIPv6 } from 'node:net'
import { publish, systemText } from '#src/base/mod.ts'
import { splitList } from '../../../io/config/mod.ts'
import { connect, type Connection } from '../../../io/net/mod.ts'
import type { ClientEvent } from './events.ts'
import type { ClientSettings } from './params.ts'
import type { Place } from './places.ts'

/** The address is none of this machine's, and smtp_bind_address_enforce wants it. */
export class BindError extends Error {}

/** A connect time of 0 leaves it to the system, which gives up by itself. */
const NO_LIMIT_MS = 900_000

interface From {
  readonly protocol: 'smtp' | 'lmtp'
  readonly cf: ClientSettings
  readonly signal: AbortSignal
}

export async function connectFrom(place: Place, { protocol, cf, signal }: From): Promise<Connection> {
  const timeoutMs = cf.smtp_connect_timeout === 0 ? NO_LIMIT_MS : cf.smtp_connect_timeout
  if ('path' in place) return connect({ to: { path: place.path }, timeoutMs, signal })
  const family = isIPv6(place.address) ? 6 : 4
  const wanted = bindAddress(cf, family)
  const localAddress = wanted === '' ? ownAddress(cf.inet_interfaces, family) : wanted
  if (localAddress === undefined) return connect({ to: place, timeoutMs, signal })
  try {
    return await connect({ to: place, timeoutMs, localAddress, signal })
  } catch (error) {
    if (!isOfBind(error)) throw error
    const text = `warning: smtp_connect_addr: bind ${localAddress}: ${systemText(error)}`
    publish<ClientEvent>({ event: 'client.note', protocol, text })
    if (wanted !== '' && cf.smtp_bind_address_enforce) throw new BindError(text)
    return connect({ to: place, timeoutMs, signal })
  }
}

const bindAddress = (cf: ClientSettings, family: 4 | 6): string =>
  (family === 6 ? cf.smtp_bind_address6 : cf.smtp_bind_address).replace(/^\[(.*)\]$/, '$1')

/** postconf(5), smtp_bind_address, note 1. Names and `all` stand for several, the loopback among them. */
export function ownAddress(interfaces: string, family: 4 | 6): string | undefined {
  const addresses = splitList(interfaces).map((one) => one.replace(/^\[(.*)\]$/, '$1'))
  if (addresses.some((one) => !/^[\da-f.:]+$/i.test(one))) return undefined
  const [only, ...more] = addresses.filter((one) => isIPv6(one) === (family === 6))
  return more.length > 0 || only === '::1' || only?.startsWith('127.') === true ? undefined : only
}

const isOfBind = (error: unknown): boolean => error instanceof Error && 'syscall' in error && error.syscall === 'bind'
