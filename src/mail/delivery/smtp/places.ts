/** The servers that stand for a next hop, and the way along them: which are left, and when it is enough. */
import type { ServicePorts } from '../../../io/config/mod.ts'
import { resolve as resolvePath } from 'node:path'
import type { Resolver } from '../../../io/dns/mod.ts'
import type { ClientSettings } from './params.ts'
import { findTargets, parseNexthop, type Target } from './targets.ts'
import { deferred, type Failure } from './words.ts'

/** A server, or a unix socket. */
export type Place = Target | { readonly host: string; readonly path: string; readonly shown: string }

export interface PlaceDeps {
  readonly protocol: 'smtp' | 'lmtp'
  readonly cf: ClientSettings
  readonly queueDirectory: string
  readonly dns: Resolver
  readonly ports: ServicePorts
  readonly isOwnAddress: (address: string) => boolean
  readonly note: (text: string) => void
}

/** @param site as the transport has it: `domain`, `[host]:port`, `unix:path` */
export async function placesOf(site: string, deps: PlaceDeps): Promise<Place[] | Failure> {
  const { protocol, cf, dns, ports, isOwnAddress, note } = deps
  if (protocol === 'lmtp' && site.startsWith('unix:')) {
    const shown = site.slice('unix:'.length)
    return [{ host: cf.myhostname, path: resolvePath(deps.queueDirectory, shown), shown }]
  }
  const nexthop = parseNexthop(site.replace(/^inet:/, ''), cf.smtp_tcp_port, ports)
  if (nexthop.port === 0) return deferred('4.3.5', `unknown service in next hop ${site}`)
  const found = await findTargets(nexthop, { cf, dns, protocol, ports, isOwnAddress, note })
  return found.status === 'ok' ? [...found.targets] : { status: found.status, dsn: found.dsn, text: found.text }
}

export const addressOf = (place: Place): string => ('path' in place ? place.shown : place.address)
/** `address:port`, or a socket's path. */
export const endpointOf = (place: Place): string => ('path' in place ? place.path : `${place.address}:${place.port}`)
const preferenceOf = (place: Place | undefined): number =>
  place === undefined || 'path' in place ? 0 : place.preference

/** One next hop's servers, in order, within smtp_mx_address_limit and smtp_mx_session_limit. */
export class Walk {
  readonly site: string
  readonly #isLastSite: boolean
  readonly #addressLimit: number
  readonly #sessionLimit: number
  readonly #best: number
  #left: readonly Place[]
  #addresses = 0
  #sessions = 0

  constructor(site: string, places: readonly Place[], cf: ClientSettings, isLastSite: boolean) {
    this.site = site
    this.#left = places
    this.#best = preferenceOf(places[0])
    this.#isLastSite = isLastSite
    this.#addressLimit = cf.smtp_mx_address_limit
    this.#sessionLimit = cf.smtp_mx_session_limit
  }

  /** No other server is to be tried: what fails now has failed. */
  get isFinal(): boolean {
    return this.#isLastSite && this.#left.length === 0
  }

  /** Servers as good as the first that are not tried yet. */
  get best(): readonly Place[] {
    return this.#left.filter((place) => this.isBest(place))
  }

  isBest(place: Place): boolean {
    return preferenceOf(place) === this.#best
  }

  get isEmpty(): boolean {
    return this.#left.length === 0
  }

  leaveOut(addresses: ReadonlySet<string>): void {
    this.#left = this.#left.filter((place) => !addresses.has(addressOf(place)))
  }

  next(): Place | undefined {
    const [place, ...rest] = this.#left
    this.#addresses++
    this.#left = this.#addresses === this.#addressLimit ? [] : rest
    return place
  }

  /** A server that `next` gave takes mail. */
  countSession(): void {
    this.#sessions++
    if (this.#sessions === this.#sessionLimit) this.#left = []
  }

  /** A connection that was open already goes to this address. */
  countReuse(address: string): void {
    this.#sessions++
    this.#addresses++
    const isEnough = this.#sessions === this.#sessionLimit || this.#sessions === this.#addressLimit
    const at = this.#left.findIndex((place) => addressOf(place) === address)
    this.#left = isEnough ? [] : this.#left.filter((_, i) => i !== at)
  }
}
