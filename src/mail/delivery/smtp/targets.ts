/** The servers of a nexthop: `[host]:port` as it is, a domain by its MX or SRV records. RFC 5321 §5.1, RFC 2782, RFC 7505 (null MX). */
import { isIP } from 'node:net'
import type { ServicePorts } from '../../../io/config/mod.ts'
import type { DnsAnswer, Resolver } from '../../../io/dns/mod.ts'
import { balanced } from './balance.ts'
import {
  asksDns,
  dnsLevel,
  failureOf,
  type HostAddress,
  hostAddresses,
  type LookupFailure,
  type LookupSettings,
  type Resolved,
} from './host-addresses.ts'
import type { ClientSettings } from './params.ts'
import { inSrvOrder } from './srv.ts'

export interface Target {
  readonly host: string
  readonly address: string
  readonly port: number
  /** The smaller, the better. */
  readonly preference: number
  /** How its name and its address were found: what DANE goes by. */
  readonly found: Found
}

export interface Found {
  /** The domain, where MX or SRV records led here. */
  readonly mx?: Resolved
  readonly host: Resolved
}

export type Targets =
  | { readonly status: 'ok'; readonly targets: readonly Target[] }
  | {
      readonly status: 'bounced' | 'deferred'
      readonly dsn: string
      readonly text: string
      /** Mail would go in circles: no fall-back relay is asked. */
      readonly loops?: boolean
    }

export interface Nexthop {
  readonly host: string
  readonly port: number
  /** As it is named: what SRV records are asked for. */
  readonly service: string
  /** In brackets: the host itself. */
  readonly isLiteral: boolean
}

type TargetSettings = LookupSettings &
  Pick<
    ClientSettings,
    | 'myhostname'
    | 'ignore_mx_lookup_error'
    | 'smtp_mx_address_limit'
    | 'smtp_balance_inet_protocols'
    | 'smtp_cname_overrides_servername'
    | 'smtp_defer_if_no_mx_address_found'
    | 'use_srv_lookup'
    | 'allow_srv_lookup_fallback'
    | 'ignore_srv_lookup_error'
  >

export interface Lookup {
  readonly cf: TargetSettings
  readonly dns: Resolver
  readonly protocol: 'smtp' | 'lmtp'
  readonly ports: ServicePorts
  readonly isOwnAddress: (address: string) => boolean
  readonly note: (text: string) => void
}

export function parseNexthop(nexthop: string, defaultPort: string, ports: ServicePorts): Nexthop {
  const [, bracketed, portA, plain = '', portB] =
    /^(?:\[([^\]]+)\](?::(\w[\w-]*))?|([^:[\]]+)(?::(\w[\w-]*))?)$/.exec(nexthop) ?? []
  const service = portA ?? portB ?? defaultPort
  const common = { port: ports.of(service) ?? 0, service, isLiteral: bracketed !== undefined }
  if (bracketed !== undefined) return { host: bracketed.replace(/^ipv6:/i, ''), ...common }
  return { host: plain === '' ? nexthop : plain, ...common }
}

/** Servers in the order of trial. What stands behind this host in an MX list is left out, or mail would go in circles. */
export async function findTargets(nexthop: Nexthop, lookup: Lookup): Promise<Targets> {
  const { host, port, service, isLiteral } = nexthop
  const { cf, protocol } = lookup
  if (isIP(host) !== 0) return byHost(host, port, lookup)
  const isByName = !isLiteral && dnsLevel(cf) !== 'disabled'
  if (isByName && cf.use_srv_lookup.includes(service)) return bySrv(nexthop, lookup)
  return isByName && protocol === 'smtp' ? byMx(host, port, lookup) : byHost(host, port, lookup)
}

async function byMx(domain: string, port: number, lookup: Lookup): Promise<Targets> {
  const { cf, dns } = lookup
  const mx: DnsAnswer = asksDns(cf) ? await dns.query(domain, 'MX') : { status: 'nodata', secure: false }
  if (mx.status === 'failed') {
    const canIgnore = cf.ignore_mx_lookup_error && mx.filtered !== true
    return canIgnore ? byHost(domain, port, lookup) : failureOf(mx, domain, 'MX')
  }
  if (mx.status !== 'ok') return byHost(domain, port, lookup)
  if (mx.records.some(({ value }) => value === '' || value === '.'))
    return { status: 'bounced', dsn: '5.1.0', text: `Domain ${domain} does not accept mail (nullMX)` }
  const hosts = mx.records.map(({ value, preference = 0 }) => ({ host: value.replace(/\.$/, ''), preference, port }))
  const shuffled = inOrder(hosts, cf.smtp_randomize_addresses)
  return behindMx(shuffled, { domain, resolved: resolvedBy(domain, mx, cf), kind: 'MX' }, lookup)
}

async function bySrv({ host: domain, service, port }: Nexthop, lookup: Lookup): Promise<Targets> {
  const { cf, dns, note, protocol } = lookup
  const name = `_${service}._tcp.${domain}`
  const found = await srvTargets(name, lookup, await dns.query(name, 'SRV'))
  if (found.status === 'ok') return found
  const isError = found.dsn === '4.4.3'
  if (!cf.allow_srv_lookup_fallback && !(isError && cf.ignore_srv_lookup_error)) return found
  note(`skipping SRV lookup for ${name}: ${found.text}`)
  return protocol === 'smtp' ? byMx(domain, port, lookup) : byHost(domain, port, lookup)
}

async function srvTargets(name: string, lookup: Lookup, answer: DnsAnswer): Promise<Targets> {
  if (answer.status !== 'ok') return failureOf(answer, name, 'SRV')
  if (answer.records.some(({ value }) => value === '' || value === '.'))
    return { status: 'bounced', dsn: '5.1.0', text: `Domain ${name} does not support SRV requests` }
  const services = answer.records.map(({ value, preference = 0, weight = 0, port = 0 }) => ({
    host: value.replace(/\.$/, ''),
    port,
    priority: preference,
    weight,
  }))
  const hosts = inSrvOrder(services).map(({ host, port, priority }) => ({ host, port, preference: priority }))
  return behindMx(hosts, { domain: name, resolved: resolvedBy(name, answer, lookup.cf), kind: 'SRV' }, lookup)
}

function resolvedBy(asked: string, answer: Extract<DnsAnswer, { status: 'ok' }>, cf: TargetSettings): Resolved {
  const secure = answer.secure && dnsLevel(cf) === 'dnssec'
  return { asked, canonical: answer.records[0]?.name ?? asked, secure }
}

interface MxHost {
  readonly host: string
  readonly port: number
  readonly preference: number
}

function inOrder(hosts: readonly MxHost[], shuffled: boolean): MxHost[] {
  return hosts
    .map((one) => ({ one, chance: shuffled ? Math.random() : 0 }))
    .toSorted((a, b) => a.one.preference - b.one.preference || a.chance - b.chance)
    .map(({ one }) => one)
}

interface Origin {
  readonly domain: string
  readonly resolved: Resolved
  readonly kind: 'MX' | 'SRV'
}

/** The servers that records name, without this host and those behind it. */
async function behindMx(hosts: readonly MxHost[], origin: Origin, lookup: Lookup): Promise<Targets> {
  const { cf, isOwnAddress, note } = lookup
  const { domain, kind } = origin
  const own = hosts.find((one) => one.host.toLowerCase() === cf.myhostname.toLowerCase())?.preference ?? Infinity
  const better = hosts.filter((one) => one.preference < own)
  if (better.length === 0) return loopsBack(domain)
  const found = await addressesOf(better, origin, lookup)
  if (found.status !== 'ok') {
    note(`warning: no ${kind} host for ${domain} has a valid address record`)
    const isHard = found.status === 'bounced'
    return kind === 'MX' && cf.smtp_defer_if_no_mx_address_found && isHard
      ? { ...found, status: 'deferred', dsn: found.dsn.replace(/^5/, '4') }
      : found
  }
  const isOwn = ({ address, port }: Target): boolean => isOwnAddress(address) && port === lookup.ports.of('smtp')
  const self = found.targets.find(isOwn)
  if (self === undefined) return within(found, cf)
  const targets = found.targets.filter(({ preference }) => preference < self.preference)
  if (targets.length > 0) return within({ status: 'ok', targets }, cf)
  const isBest = better.every(({ preference }) => preference >= self.preference)
  if (isBest) return loopsBack(domain)
  return { status: 'deferred', dsn: '4.4.4', text: `unable to find primary relay for ${domain}` }
}

async function addressesOf(hosts: readonly MxHost[], origin: Origin | undefined, lookup: Lookup): Promise<Targets> {
  const { cf, dns } = lookup
  const targets: Target[] = []
  let failure: LookupFailure | undefined
  for (const one of hosts) {
    const found = await hostAddresses(one.host, cf, dns)
    targets.push(...found.addresses.map((address) => targetOf(one, address, origin, cf)))
    if ('failure' in found) failure = afterwards(failure, found.failure)
    if (cf.smtp_mx_address_limit > 0 && targets.length >= 10 * cf.smtp_mx_address_limit) break
  }
  if (targets.length === 0) return failure ?? loopsBack(origin?.domain ?? '')
  const sorted = origin?.kind === 'SRV' ? targets : byFamily(targets, cf.smtp_address_preference)
  return { status: 'ok', targets: sorted }
}

/** The last failure is told; with one before it that may pass it is not for good. */
function afterwards(before: LookupFailure | undefined, last: LookupFailure): LookupFailure {
  const isHard = before?.status === 'deferred' && last.status === 'bounced'
  return isHard ? { ...last, status: 'deferred', dsn: '4.4.4' } : last
}

/** At most smtp_mx_address_limit of them. */
function within(found: Targets, cf: TargetSettings): Targets {
  const limit = cf.smtp_mx_address_limit
  if (found.status !== 'ok' || limit === 0) return found
  const { targets } = found
  return { ...found, targets: cf.smtp_balance_inet_protocols ? balanced(targets, limit) : targets.slice(0, limit) }
}

function targetOf(
  { host, port, preference }: MxHost,
  { address, resolved }: HostAddress,
  origin: Origin | undefined,
  cf: TargetSettings,
): Target {
  const found = origin === undefined ? { host: resolved } : { mx: origin.resolved, host: resolved }
  const name = cf.smtp_cname_overrides_servername ? resolved.canonical : host
  return { host: name, address, port, preference, found }
}

function byFamily(targets: readonly Target[], first: TargetSettings['smtp_address_preference']): Target[] {
  const order = ({ address }: Target): number =>
    first === 'any' ? 0 : isIP(address) === (first === 'ipv6' ? 6 : 4) ? 0 : 1
  return targets.toSorted((a, b) => a.preference - b.preference || order(a) - order(b))
}

/** One host, without MX: its addresses may be ours only on other ports than SMTP's. */
async function byHost(host: string, port: number, lookup: Lookup): Promise<Targets> {
  const found = await addressesOf([{ host, port, preference: 0 }], undefined, lookup)
  const isOwn = found.status === 'ok' && found.targets.some(({ address }) => lookup.isOwnAddress(address))
  if (isOwn && lookup.protocol === 'smtp' && port === lookup.ports.of('smtp')) return loopsBack(host)
  return within(found, lookup.cf)
}

const loopsBack = (host: string): Targets => ({
  status: 'bounced',
  dsn: '5.4.6',
  text: `mail for ${host} loops back to myself`,
  loops: true,
})
