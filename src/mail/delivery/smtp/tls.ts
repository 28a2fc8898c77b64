/** What TLS a server must speak, and whether the certificate it shows will do. Postfix: smtp_tls_policy.c, TLS_README. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { rootCertificates } from 'node:tls'
import { splitList } from '../../../io/config/mod.ts'
import {
  certificates,
  cipherChoice,
  protocolChoice,
  type TlsClientOptions,
  type TlsFacts,
} from '../../../io/net/mod.ts'
import type { Maps } from '../../../io/tables/mod.ts'
import type { ClientSettings } from './params.ts'

export type TlsLevel = Exclude<ClientSettings['smtp_tls_security_level'], ''>

export interface TlsPolicy {
  readonly level: TlsLevel
  /** Names, or fingerprints at that level. */
  readonly match: readonly string[]
  readonly servername: string
  readonly protocols: readonly string[]
  readonly ciphers: string
  readonly excluded: readonly string[]
}

/** What main.cf or a policy table says cannot be done: mail waits. */
export class TlsPolicyError extends Error {}

const LEVELS: readonly TlsLevel[] = ['none', 'may', 'encrypt', 'verify', 'secure', 'fingerprint', 'dane', 'dane-only']

export const isMandatory = (level: TlsLevel): boolean => !['none', 'may', 'dane'].includes(level)

/** @param nexthop as the transport has it: `[host]:port`, `domain` */
export async function tlsPolicy(cf: ClientSettings, maps: Maps, nexthop: string): Promise<TlsPolicy> {
  const found = await findPolicy(maps, nexthop)
  if (found === undefined) return withAttributes(siteLevel(cf), [], cf)
  const [word = '', ...attributes] = splitList(found)
  const level = LEVELS.find((one) => one === word.toLowerCase())
  if (level === undefined) throw new TlsPolicyError(`invalid TLS security level "${word}" for ${nexthop}`)
  return withAttributes(level, attributes, cf)
}

/** The next hop as it is, then without port; for a plain domain its parents as `.parent`. */
async function findPolicy(maps: Maps, nexthop: string): Promise<string | undefined> {
  const exact = await maps.find(nexthop.toLowerCase())
  if (exact !== undefined || nexthop.startsWith('[')) return exact?.result
  const domain = nexthop.toLowerCase().replace(/:[^:]*$/, '')
  for (let name = domain === nexthop.toLowerCase() ? parentOf(domain) : domain; name !== ''; name = parentOf(name)) {
    const found = await maps.find(name)
    if (found !== undefined) return found.result
  }
  return undefined
}

function parentOf(name: string): string {
  const dot = name.indexOf('.', 1)
  return dot < 0 ? '' : name.slice(dot)
}

function siteLevel(cf: ClientSettings): TlsLevel {
  if (cf.smtp_tls_security_level !== '') return cf.smtp_tls_security_level
  if (cf.smtp_enforce_tls) return cf.smtp_tls_enforce_peername ? 'verify' : 'encrypt'
  return cf.smtp_use_tls ? 'may' : 'none'
}

function withAttributes(level: TlsLevel, attributes: readonly string[], cf: ClientSettings): TlsPolicy {
  const mandatory = isMandatory(level)
  const given = new Map(attributes.map((text) => splitAttribute(text)))
  const several = (name: string): string[] =>
    attributes
      .filter((text) => text.startsWith(`${name}=`))
      .flatMap((text) => text.slice(name.length + 1).split(level === 'fingerprint' ? '|' : ':'))
  for (const name of given.keys())
    if (!['match', 'protocols', 'ciphers', 'exclude', 'servername'].includes(name))
      throw new TlsPolicyError(`invalid TLS policy attribute "${name}"`)
  const initial = {
    verify: cf.smtp_tls_verify_cert_match,
    secure: cf.smtp_tls_secure_cert_match,
    fingerprint: cf.smtp_tls_fingerprint_cert_match,
  }
  const named = several('match')
  const match = named.length > 0 ? named : (Reflect.get(initial, level) ?? [])
  if (level === 'fingerprint' && match.length === 0)
    throw new TlsPolicyError('level fingerprint without any fingerprint')
  return {
    level,
    match,
    servername: given.get('servername') ?? cf.smtp_tls_servername,
    protocols:
      given.get('protocols')?.split(':') ?? (mandatory ? cf.smtp_tls_mandatory_protocols : cf.smtp_tls_protocols),
    ciphers: given.get('ciphers') ?? (mandatory ? cf.smtp_tls_mandatory_ciphers : cf.smtp_tls_ciphers),
    excluded: given.has('exclude')
      ? (given.get('exclude') ?? '').split(':')
      : [...cf.smtp_tls_exclude_ciphers, ...(mandatory ? cf.smtp_tls_mandatory_exclude_ciphers : [])],
  }
}

function splitAttribute(text: string): [string, string] {
  const equals = text.indexOf('=')
  if (equals < 1) throw new TlsPolicyError(`malformed TLS policy attribute "${text}"`)
  return [text.slice(0, equals).toLowerCase(), text.slice(equals + 1)]
}

export interface Peer {
  readonly host: string
  /** The domain of the next hop, without brackets and port. */
  readonly domain: string
}

export function handshakeOptions(
  policy: TlsPolicy,
  peer: Peer,
  cf: ClientSettings,
  ca: readonly string[],
): TlsClientOptions {
  const { servername } = policy
  const verifies = policy.level === 'verify' || policy.level === 'secure'
  const named = servername === 'nexthop' ? peer.domain : servername === 'hostname' ? peer.host : servername
  const wanted = named === '' && verifies ? peer.host : named
  return {
    serverName: isIP(wanted) === 0 && wanted !== '' ? wanted : undefined, // RFC 6066 §3: an address is no name
    verify: false,
    ...protocolChoice(policy.protocols),
    ciphers: cipherChoice(policy.ciphers, policy.excluded, cf),
    ca,
    fingerprintDigest: cf.smtp_tls_fingerprint_digest,
    timeoutMs: cf.smtp_starttls_timeout,
  }
}

/** Untrusted: no chain to an authority; Trusted: a chain; Verified: and the name, or the fingerprint, fits. */
export function trustOf(
  policy: TlsPolicy,
  peer: Peer,
  facts: TlsFacts,
): 'Anonymous' | 'Untrusted' | 'Trusted' | 'Verified' {
  const { peerFingerprint, peerKeyFingerprint } = facts
  if (peerFingerprint === undefined) return 'Anonymous'
  if (policy.level === 'fingerprint') {
    const wanted = policy.match.map((text) => text.toUpperCase())
    return [peerFingerprint, peerKeyFingerprint].some((hash) => hash !== undefined && wanted.includes(hash))
      ? 'Verified'
      : 'Untrusted'
  }
  if (facts.peerVerified !== true) return 'Untrusted'
  if (policy.level !== 'verify' && policy.level !== 'secure') return 'Trusted'
  const patterns = policy.match.map((text) => patternOf(text, peer))
  return facts.peerNames.some((name) => patterns.some((pattern) => matches(name, pattern))) ? 'Verified' : 'Trusted'
}

function patternOf(text: string, { host, domain }: Peer): string {
  const word = text.toLowerCase()
  if (word === 'hostname') return host.toLowerCase()
  if (word === 'nexthop') return domain.toLowerCase()
  return word === 'dot-nexthop' ? `.${domain.toLowerCase()}` : word
}

/** A certificate's name, perhaps `*.domain`, against a name or `.domain` (any name below). */
export function matches(certified: string, pattern: string): boolean {
  const name = certified.toLowerCase()
  if (pattern === '' || pattern === '.') return false
  if (pattern.startsWith('.')) return name.replace(/^\*\./, 'any.').endsWith(pattern)
  if (!name.startsWith('*.')) return name === pattern
  const dot = pattern.indexOf('.')
  return dot > 0 && pattern.slice(dot) === name.slice(1)
}

/** Authorities by smtp_tls_CAfile and CApath, read anew where the file or directory changed. */
export class Authorities {
  readonly #known = new Map<string, { readonly stamp: number; readonly pem: readonly string[] }>()

  of({
    smtp_tls_CAfile: file,
    smtp_tls_CApath: path,
    tls_append_default_CA: append,
  }: ClientSettings): readonly string[] {
    const own = [
      ...(file === '' ? [] : this.#read(file, () => [file])),
      ...(path === '' ? [] : this.#read(path, () => hashedFiles(path))),
    ]
    return append ? [...own, ...rootCertificates] : own
  }

  #read(name: string, files: () => string[]): readonly string[] {
    const stamp = statSync(name).mtimeMs
    const known = this.#known.get(name)
    if (known?.stamp === stamp) return known.pem
    const pem = files().flatMap((file) => certificates(readFileSync(file, 'latin1')))
    this.#known.set(name, { stamp, pem })
    return pem
  }
}

/** As `c_rehash` names them: OpenSSL looks at no others. */
function hashedFiles(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => /^[0-9a-f]{8}\.\d+$/.test(name))
    .map((name) => join(directory, name))
}
