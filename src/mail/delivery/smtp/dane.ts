/** Levels dane and dane-only: what becomes of them with what DNS holds. RFC 7672; Postfix: smtp_tls_policy.c. */
import type { Resolver } from '../../../io/dns/mod.ts'
import { asksDns, dnsLevel } from './host-addresses.ts'
import type { ClientSettings } from './params.ts'
import type { Target } from './targets.ts'
import { TlsPolicyError } from './tls-errors.ts'
import { findTlsa, readDigests, type TlsaSet } from './tlsa.ts'

export interface DaneSite {
  readonly nexthop: string
  readonly protocol: 'smtp' | 'lmtp'
  /** undefined: a unix socket. */
  readonly target: Target | undefined
}

export interface Dane extends TlsaSet {
  /** Names that a certificate must have where somebody else vouches for it. */
  readonly names: readonly string[]
}

export interface DaneLevel {
  readonly level: 'may' | 'encrypt' | 'dane' | 'half-dane'
  readonly dane?: Dane
}

export interface DaneSources {
  readonly dns: Resolver
  readonly note: (text: string) => void
}

/** Throws TlsPolicyError where mail must wait. */
export async function daneLevel(
  wanted: 'dane' | 'dane-only',
  site: DaneSite,
  cf: ClientSettings,
  sources: DaneSources,
): Promise<DaneLevel> {
  const { target, nexthop } = site
  if (target === undefined)
    throw new TlsPolicyError(`${nexthop}: the "dane" security level is invalid for delivery via unix-domain sockets`)
  const instead = (level: 'may' | 'encrypt', why: string): DaneLevel => {
    if (wanted === 'dane') return { level }
    throw new TlsPolicyError(undefined, why)
  }
  const fault = faultOf(wanted, site, cf)
  if (fault !== undefined) {
    if (wanted === 'dane-only') throw new TlsPolicyError(fault)
    sources.note(`warning: ${fault}`)
    return { level: 'may' }
  }
  const { mx } = target.found
  const insecure = mx !== undefined && !mx.secure
  const insecurePolicy = cf.smtp_tls_dane_insecure_mx_policy
  if (insecure && (wanted === 'dane-only' || insecurePolicy === 'may')) return instead('may', 'non DNSSEC destination')
  const { digests, fault: wrong } = readDigests(cf.tls_dane_digests)
  if (wrong !== undefined) sources.note(`warning: ${wrong}`)
  const forced = cf.smtp_tls_force_insecure_host_tlsa_lookup
  const found = await findTlsa({ port: target.port, host: hostOf(target, cf), forced, digests, ...sources })
  if (found === 'failed') {
    const text = `TLSA lookup error for ${target.host}:${target.port}`
    throw new TlsPolicyError(undefined, text, undefined, { failure: 'dnssec-invalid' })
  }
  if (found === 'none') return instead('may', 'no TLSA records found')
  // RFC 7672 §2.2: TLS is a must even so.
  if (found === 'unusable') return instead('encrypt', 'TLSA records unusable')
  if (insecure && insecurePolicy === 'encrypt') return { level: 'encrypt' }
  const names = [found.base, ...(mx === undefined ? [] : [mx.canonical, mx.asked])]
  return { level: insecure ? 'half-dane' : 'dane', dane: { ...found, names } }
}

/** DNSSEC is not heard of a host behind an MX that is not secure, where nothing comes of it. */
function hostOf({ found: { mx, host } }: Target, cf: ClientSettings): Target['found']['host'] {
  const counts = mx === undefined || mx.secure || cf.smtp_tls_dane_insecure_mx_policy !== 'may'
  return counts ? host : { ...host, secure: false }
}

/** What in main.cf makes DANE impossible. */
function faultOf(wanted: string, { nexthop, protocol }: DaneSite, cf: ClientSettings): string | undefined {
  if (!asksDns(cf) || dnsLevel(cf) !== 'dnssec') return `${nexthop}: ${wanted} configured with dnssec lookups disabled`
  if (protocol === 'smtp' && cf.ignore_mx_lookup_error)
    return `${nexthop}: ${wanted} configured with MX lookup errors ignored`
  if (cf.smtp_dns_resolver_options.length > 0) return `${nexthop}: dns resolver options incompatible with ${wanted} TLS`
  return undefined
}
