/** What a handshake is made with, and whether the certificate that a server shows will do. Postfix: tls_client.c, TLS_README. */
import { isIP } from 'node:net'
import {
  cipherChoice,
  isNamedBy,
  protocolChoice,
  standsOn,
  type TlsClientOptions,
  type TlsFacts,
} from '../../../io/net/mod.ts'
import type { Dane } from './dane.ts'
import type { ClientSettings } from './params.ts'
import type { TlsFiles } from './tls-files.ts'
import type { TlsPolicy } from './tls-policy.ts'

export interface Peer {
  readonly host: string
  /** The domain of the next hop, without brackets and port. */
  readonly domain: string
}

/** Throws IdentityError or Error where files of the client's own cannot be used. */
export function handshakeOptions(policy: TlsPolicy, peer: Peer, cf: ClientSettings, files: TlsFiles): TlsClientOptions {
  const { servername } = policy
  const verifies = policy.level === 'verify' || policy.level === 'secure'
  const configured = servername === 'nexthop' ? peer.domain : servername === 'hostname' ? peer.host : servername
  const named = policy.dane?.base ?? configured // RFC 7672 §8.1
  const wanted = named === '' && verifies ? peer.host : named
  const ciphers = cipherChoice(policy.ciphers, policy.excluded, cf)
  return {
    serverName: isIP(wanted) === 0 && wanted !== '' ? wanted : undefined, // RFC 6066 §3: an address is no name
    verify: false,
    context: files.context(authorities(policy, cf), { ...protocolChoice(policy.protocols), ciphers }),
    fingerprintDigest: cf.smtp_tls_fingerprint_digest,
    timeoutMs: cf.smtp_starttls_timeout,
  }
}

/** RFC 8461 §4.1: servers of such a domain stand on the web's authorities. */
function authorities({ sts }: TlsPolicy, cf: ClientSettings): ClientSettings {
  return sts === undefined ? cf : { ...cf, tls_append_default_CA: true }
}

/** Untrusted: no chain to an authority, or not the name asked for; Trusted: a chain; Verified: and the name, or the fingerprint, fits. */
export type Trust = 'Anonymous' | 'Untrusted' | 'Trusted' | 'Verified'

export function trustOf(policy: TlsPolicy, peer: Peer, facts: TlsFacts, cf: ClientSettings): Trust {
  const { peerFingerprint, peerKeyFingerprint } = facts
  if (peerFingerprint === undefined) return 'Anonymous'
  if (policy.level === 'fingerprint') {
    const wanted = policy.match.map((text) => text.toUpperCase())
    return [peerFingerprint, peerKeyFingerprint].some((hash) => hash !== undefined && wanted.includes(hash))
      ? 'Verified'
      : 'Untrusted'
  }
  if (policy.dane !== undefined) {
    const isLeaf = isNamedLeaf(policy.dane, facts)
    if (!isLeaf && !(standsOn(facts.peerChain, policy.dane.anchors, Date.now()) && namesFit(policy, peer, facts, cf)))
      return 'Untrusted'
    return policy.level === 'half-dane' ? 'Trusted' : 'Verified' // the MX records may have been forged
  }
  if (!isVouchedFor(policy, facts)) return 'Untrusted'
  if (policy.level !== 'verify' && policy.level !== 'secure') return 'Trusted'
  return namesFit(policy, peer, facts, cf) ? 'Verified' : 'Untrusted'
}

/** RFC 7672 §3.1.1: a leaf that is named itself needs no name and no date. */
function isNamedLeaf({ leaves }: Dane, { peerChain: [leaf] }: TlsFacts): boolean {
  return leaf !== undefined && leaves.some((one) => isNamedBy(leaf, one))
}

/** Whether the certificate has a name that is asked for. */
export function namesFit(
  { match, dane, sts }: TlsPolicy,
  peer: Peer,
  { peerNames }: TlsFacts,
  cf: ClientSettings,
): boolean {
  const wanted = dane?.names.map((name) => name.toLowerCase()) ?? match.map((text) => patternOf(text, peer))
  const several = cf.tls_wildcard_matches_multiple_labels && sts === undefined
  return peerNames.some((name) => wanted.some((pattern) => matches(name, pattern, several)))
}

function isVouchedFor({ anchors }: TlsPolicy, { peerVerified, peerChain }: TlsFacts): boolean {
  return anchors === undefined ? peerVerified === true : standsOn(peerChain, anchors, Date.now())
}

function patternOf(text: string, { host, domain }: Peer): string {
  const word = text.toLowerCase()
  if (word === 'hostname') return host.toLowerCase()
  if (word === 'nexthop') return domain.toLowerCase()
  return word === 'dot-nexthop' ? `.${domain.toLowerCase()}` : word
}

/**
 * A certificate's name, perhaps `*.domain`, against a name or `.domain` (any name below).
 * @param several whether the star may stand for more than one label
 */
export function matches(certified: string, pattern: string, several: boolean): boolean {
  const name = certified.toLowerCase()
  if (pattern === '' || pattern === '.') return false
  if (pattern.startsWith('.')) return name.replace(/^\*\./, 'any.').endsWith(pattern)
  if (!name.startsWith('*.')) return name === pattern
  const dot = pattern.indexOf('.')
  const [above, starred] = [dot < 0 ? '' : pattern.slice(dot), name.slice(1)]
  return starred.length > 1 && (several ? above.endsWith(starred) : above === starred)
}
