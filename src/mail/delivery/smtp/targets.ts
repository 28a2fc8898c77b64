/** The servers of a nexthop: `[host]:port` as it is, a domain by its MX. RFC 5321 §5.1, RFC 7505 (null MX). */
import { isIP } from 'node:net'
import { type DnsAnswer, type Resolver } from '../../../io/dns/mod.ts'
import { servicePort } from '../../../io/config/mod.ts'
import type { ClientSettings } from './params.ts'

export interface Target {
  readonly host: string
  readonly address: string
  readonly port: number
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
  readonly noMx: boolean
}

type TargetSettings = Pick<
  ClientSettings,
  | 'myhostname'
  | 'inet_protocols'
  | 'ignore_mx_lookup_error'
  | 'smtp_tcp_port'
  | 'smtp_host_lookup'
  | 'smtp_address_preference'
  | 'smtp_randomize_addresses'
  | 'smtp_mx_address_limit'
  | 'smtp_defer_if_no_mx_address_found'
>

export function parseNexthop(nexthop: string, defaultPort: string): Nexthop {
  const [, bracketed, portA, plain = '', portB] =
    /^(?:\[([^\]]+)\](?::(\w[\w-]*))?|([^:[\]]+)(?::(\w[\w-]*))?)$/.exec(nexthop) ?? []
  const port = servicePort(portA ?? portB ?? defaultPort) ?? 0
  if (bracketed !== undefined) return { host: bracketed.replace(/^ipv6:/i, ''), port, noMx: true }
  return { host: plain === '' ? nexthop : plain, port, noMx: false }
}

/** Servers in the order of trial. What stands behind this host in an MX list is left out, or mail would go in circles. */
export async function findTargets(
  { host, port, noMx }: Nexthop,
  cf: TargetSettings,
  dns: Resolver,
  isOwnAddress: (address: string) => boolean = () => false,
): Promise<Targets> {
  if (isIP(host) !== 0) return { status: 'ok', targets: [{ host, address: host, port }] }
  const asksMx = !noMx && cf.smtp_host_lookup.includes('dns')
  const mx: DnsAnswer = asksMx ? await dns.query(host, 'MX') : { status: 'nodata', secure: false }
  if (mx.status === 'failed' && !cf.ignore_mx_lookup_error) return notFound(host, 'MX', 'failed')
  if (mx.status !== 'ok') return addressesOf([{ host, preference: 0 }], port, cf, dns)
  if (mx.records.some((record) => record.value === '' || record.value === '.'))
    return { status: 'bounced', dsn: '5.1.0', text: `Domain ${host} does not accept mail (nullMX)` }
  const hosts = inOrder(
    mx.records.map((record) => ({ host: record.value.replace(/\.$/, ''), preference: record.preference ?? 0 })),
    cf.smtp_randomize_addresses,
  )
  const own = hosts.find((one) => one.host.toLowerCase() === cf.myhostname.toLowerCase())?.preference ?? Infinity
  const better = hosts.filter((one) => one.preference < own)
  if (better.length === 0) return loopsBack(host)
  const found = await addressesOf(better, port, cf, dns)
  if (found.status !== 'ok') {
    return cf.smtp_defer_if_no_mx_address_found && found.status === 'bounced'
      ? { ...found, status: 'deferred', dsn: '4.4.4' }
      : found
  }
  const self = port === servicePort('smtp') ? found.targets.findIndex((target) => isOwnAddress(target.address)) : -1
  if (self < 0) return found
  const ownPreference = better.find((one) => one.host === found.targets[self]?.host)?.preference ?? 0
  const nearer = new Set(better.filter((one) => one.preference < ownPreference).map((one) => one.host))
  const targets = found.targets.filter((target) => nearer.has(target.host))
  return targets.length === 0 ? loopsBack(host) : { status: 'ok', targets }
}

interface MxHost {
  readonly host: string
  readonly preference: number
}

function inOrder(hosts: readonly MxHost[], shuffled: boolean): MxHost[] {
  return hosts
    .map((one) => ({ one, chance: shuffled ? Math.random() : 0 }))
    .toSorted((a, b) => a.one.preference - b.one.preference || a.chance - b.chance)
    .map(({ one }) => one)
}

async function addressesOf(
  hosts: readonly MxHost[],
  port: number,
  cf: TargetSettings,
  dns: Resolver,
): Promise<Targets> {
  const targets: (Target & { readonly preference: number })[] = []
  let failure: { host: string; why: 'failed' | 'nxdomain' | 'nodata' } | undefined
  for (const { host, preference } of hosts) {
    const { addresses, why } = await hostAddresses(host, cf, dns)
    targets.push(...addresses.map((address) => ({ host, address, port, preference })))
    if (addresses.length === 0 && failure?.why !== 'failed') failure = { host, why: why ?? 'nodata' }
    if (cf.smtp_mx_address_limit > 0 && targets.length >= 10 * cf.smtp_mx_address_limit) break
  }
  if (targets.length === 0) return notFound(failure?.host ?? '', wantsIpv4(cf) ? 'A' : 'AAAA', failure?.why ?? 'nodata')
  const first = cf.smtp_address_preference
  const order = (address: string): number =>
    first === 'any' ? 0 : isIP(address) === (first === 'ipv6' ? 6 : 4) ? 0 : 1
  const sorted = targets.toSorted((a, b) => a.preference - b.preference || order(a.address) - order(b.address))
  const limit = cf.smtp_mx_address_limit === 0 ? sorted.length : cf.smtp_mx_address_limit
  return { status: 'ok', targets: sorted.slice(0, limit).map(({ host, address }) => ({ host, address, port })) }
}

const wants = (word: 'ipv4' | 'ipv6', { inet_protocols }: TargetSettings): boolean =>
  inet_protocols.some((name) => name.toLowerCase() === 'all' || name.toLowerCase() === word)
const wantsIpv4 = (cf: TargetSettings): boolean => wants('ipv4', cf)

async function hostAddresses(
  host: string,
  cf: TargetSettings,
  dns: Resolver,
): Promise<{ addresses: string[]; why?: 'failed' | 'nxdomain' | 'nodata' }> {
  if (isIP(host) !== 0) return { addresses: [host] }
  const addresses: string[] = []
  let why: 'failed' | 'nxdomain' | 'nodata' = 'nodata'
  if (cf.smtp_host_lookup.includes('dns')) {
    const types = [...(wantsIpv4(cf) ? (['A'] as const) : []), ...(wants('ipv6', cf) ? (['AAAA'] as const) : [])]
    for (const answer of await Promise.all(types.map((type) => dns.query(host, type)))) {
      if (answer.status === 'ok') addresses.push(...answer.records.map((record) => record.value))
      else if (why !== 'failed') why = answer.status
    }
  }
  if (addresses.length === 0 && cf.smtp_host_lookup.includes('native')) {
    const known = await dns.addresses(host)
    if (known.status === 'ok') {
      const wanted = (address: string): boolean => wants(isIP(address) === 6 ? 'ipv6' : 'ipv4', cf)
      addresses.push(...known.addresses.filter(wanted))
    } else if (known.status === 'failed') why = 'failed'
    else why = 'nxdomain'
  }
  return { addresses, why }
}

const REASONS = {
  failed: 'Host not found, try again',
  nxdomain: 'Host not found',
  nodata: 'Host found but no data record of requested type',
} as const

function notFound(name: string, type: string, why: keyof typeof REASONS): Targets {
  const text = `Host or domain name not found. Name service error for name=${name} type=${type}: ${REASONS[why]}`
  return why === 'failed' ? { status: 'deferred', dsn: '4.4.3', text } : { status: 'bounced', dsn: '5.4.4', text }
}

const loopsBack = (host: string): Targets => ({
  status: 'bounced',
  dsn: '5.4.6',
  text: `mail for ${host} loops back to myself`,
  loops: true,
})
