/** Addresses of a host, by DNS or as the system would find them, and how DNSSEC vouches for them. */
import { isIP } from 'node:net'
import type { DnsAnswer, DnsType, Resolver } from '../../../io/dns/mod.ts'
import type { ClientSettings } from './params.ts'

export type LookupSettings = Pick<
  ClientSettings,
  | 'inet_protocols'
  | 'disable_dns_lookups'
  | 'smtp_dns_support_level'
  | 'smtp_dns_resolver_options'
  | 'smtp_host_lookup'
  | 'smtp_address_preference'
  | 'smtp_randomize_addresses'
>

/** What a name became on the way to its records. */
export interface Resolved {
  readonly asked: string
  /** The name that has the records: another one behind an alias. */
  readonly canonical: string
  /** DNSSEC vouches for it. */
  readonly secure: boolean
}

export interface HostAddress {
  readonly address: string
  readonly resolved: Resolved
}

/** Why there is none, and what is said of it. */
export interface LookupFailure {
  readonly status: 'bounced' | 'deferred'
  readonly dsn: string
  readonly text: string
}

export type HostLookup =
  | { readonly addresses: readonly HostAddress[] }
  | { readonly addresses: readonly []; readonly failure: LookupFailure }

type DnsLevel = 'disabled' | 'enabled' | 'dnssec'

export function dnsLevel(cf: Pick<ClientSettings, 'disable_dns_lookups' | 'smtp_dns_support_level'>): DnsLevel {
  if (cf.smtp_dns_support_level !== '') return cf.smtp_dns_support_level
  return cf.disable_dns_lookups ? 'disabled' : 'enabled'
}

export const asksDns = (cf: LookupSettings): boolean =>
  dnsLevel(cf) !== 'disabled' && cf.smtp_host_lookup.includes('dns')

export const wants = (word: 'ipv4' | 'ipv6', { inet_protocols }: Pick<ClientSettings, 'inet_protocols'>): boolean =>
  inet_protocols.some((name) => name.toLowerCase() === 'all' || name.toLowerCase() === word)

/** Of several failures the last is told, but what may pass with time is never told as if it were for good. */
const lastOf = (before: LookupFailure | undefined, last: LookupFailure): LookupFailure =>
  before?.status === 'deferred' && last.status === 'bounced' ? before : last

export async function hostAddresses(host: string, cf: LookupSettings, dns: Resolver): Promise<HostLookup> {
  const literal = { asked: host, canonical: host, secure: false }
  if (isIP(host) !== 0) return { addresses: [{ address: host, resolved: literal }] }
  if (asksDns(cf)) {
    const found = await byDns(host, cf, dns)
    const isKnown = !('failure' in found) || found.failure.status === 'deferred'
    if (isKnown || !cf.smtp_host_lookup.includes('native')) return found
  }
  return bySystem(host, cf, dns)
}

/** What getaddrinfo() would say. */
async function bySystem(host: string, cf: LookupSettings, dns: Resolver): Promise<HostLookup> {
  const resolved = { asked: host, canonical: host, secure: false }
  const known = await dns.addresses(host)
  if (known.status === 'ok') {
    const wanted = known.addresses.filter((address) => wants(isIP(address) === 6 ? 'ipv6' : 'ipv4', cf))
    if (wanted.length > 0) return { addresses: wanted.map((address) => ({ address, resolved })) }
    return { addresses: [], failure: { status: 'bounced', dsn: '5.4.4', text: `${host}: host not found` } }
  }
  const { status } = known.status === 'failed' ? known : await dns.query(host, 'A')
  const [dsn, why] = SYSTEM_WORDS[status === 'failed' || status === 'nodata' ? status : 'nxdomain']
  const text = `unable to look up host ${host}: ${why}`
  return { addresses: [], failure: { status: dsn.startsWith('4') ? 'deferred' : 'bounced', dsn, text } }
}

/** The C library's words; Postfix takes "no address" for a fault of the system. */
const SYSTEM_WORDS = {
  failed: ['4.4.4', 'Temporary failure in name resolution'],
  nodata: ['5.3.0', 'No address associated with hostname'],
  nxdomain: ['5.4.4', 'Name or service not known'],
} as const

async function byDns(host: string, cf: LookupSettings, dns: Resolver): Promise<HostLookup> {
  const types = [...(wants('ipv4', cf) ? (['A'] as const) : []), ...(wants('ipv6', cf) ? (['AAAA'] as const) : [])]
  const options = cf.smtp_dns_resolver_options
  const search = { defaultDomain: options.includes('res_defnames'), searchList: options.includes('res_dnsrch') }
  const isSearched = search.defaultDomain || search.searchList
  const addresses: HostAddress[] = []
  let failure: LookupFailure | undefined
  const answers = await Promise.all(types.map((type) => dns.query(host, type, ...(isSearched ? [search] : []))))
  for (const [i, answer] of answers.entries()) {
    if (answer.status === 'ok') {
      const secure = answer.secure && dnsLevel(cf) === 'dnssec'
      for (const { value: address, name } of answer.records)
        addresses.push({ address, resolved: { asked: host, canonical: name ?? host, secure } })
    } else failure = lastOf(failure, failureOf(answer, host, types[i] ?? 'A'))
  }
  if (addresses.length > 0) return { addresses }
  const noProtocol = { status: 'deferred', dsn: '4.4.4', text: 'all network protocols are disabled' } as const
  return { addresses: [], failure: failure ?? noProtocol }
}

const REASONS = {
  failed: 'Host not found, try again',
  nxdomain: 'Host not found',
  nodata: 'Host found but no data record of requested type',
} as const

export function failureOf(answer: Exclude<DnsAnswer, { status: 'ok' }>, name: string, type: DnsType): LookupFailure {
  if (answer.status === 'failed' && answer.filtered === true)
    return { status: 'deferred', dsn: '4.7.0', text: answer.reason }
  const isOurs = answer.status === 'failed' && answer.reason.startsWith('Error looking up ') // a filter that cannot be asked
  const why = REASONS[answer.status]
  const text = `Host or domain name not found. Name service error for name=${name} type=${type}: ${why}`
  return answer.status === 'failed'
    ? { status: 'deferred', dsn: '4.4.3', text: isOurs ? answer.reason : text }
    : { status: 'bounced', dsn: '5.4.4', text }
}
