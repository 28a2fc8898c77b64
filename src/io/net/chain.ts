/**
 * Chains of certificates that must stand on something named beforehand: a certificate or a key, whole or by its hash.
 * RFC 5280 §6.1 (paths), RFC 6698 §2.1 and RFC 7671 §5 (what DANE names). Where in doubt a chain does not hold.
 */
import { createHash, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto'
import { type Extension, extensionsOf, pathLength } from './extensions.ts'

export interface Anchor {
  readonly of: 'certificate' | 'key'
  /** A hash that node:crypto knows; undefined: `data` is the certificate or the key (SPKI) itself. */
  readonly digest: string | undefined
  readonly data: Buffer
}

/** Authorities above a leaf at the most. */
const MAX_DEPTH = 8

const keyOf = ({ publicKey }: X509Certificate): Buffer => publicKey.export({ type: 'spki', format: 'der' })

export function isNamedBy(certificate: X509Certificate, { of, digest, data }: Anchor): boolean {
  const octets = of === 'key' ? keyOf(certificate) : certificate.raw
  return (digest === undefined ? octets : createHash(digest).update(octets).digest()).equals(data)
}

/**
 * Whether the first of `chain` was vouched for by an anchor, through others of the chain or of the anchors. Anchors
 * themselves do not expire (RFC 7671 §5.2.1 leaves that to the domain; Postfix: smtp_tls_trust_anchor_file).
 */
export function standsOn(chain: readonly X509Certificate[], anchors: readonly Anchor[], nowMs: number): boolean {
  const [leaf] = chain
  if (leaf === undefined) return false
  const whole = anchors.filter(({ of, digest }) => of === 'certificate' && digest === undefined)
  const pool = [...chain.slice(1), ...whole.flatMap(({ data }) => certificateOf(data))]
  try {
    // A leaf that is named whole needs nobody above it; one that is named by its hash is DANE's usage 3, not this.
    if (anchors.some((anchor) => anchor.digest === undefined && isNamedBy(leaf, anchor))) return true
    return isUsable(leaf, nowMs) && new Climb(pool, anchors, nowMs).holds(leaf)
  } catch {
    return false // DER that is none, a key of an unknown kind, more than is worked out
  }
}

function certificateOf(data: Buffer): X509Certificate[] {
  try {
    return [new X509Certificate(data)]
  } catch {
    return []
  }
}

/**
 * Signatures that are checked for one chain at the most: the peer chooses certificates, keys and, for DANE, anchors too, and
 * all else waits meanwhile.
 */
const MAX_SIGNATURES = 100

/** One search for an anchor. */
class Climb {
  readonly #pool: readonly X509Certificate[]
  readonly #anchors: readonly Anchor[]
  readonly #nowMs: number
  #signatures = 0

  constructor(pool: readonly X509Certificate[], anchors: readonly Anchor[], nowMs: number) {
    this.#pool = pool
    this.#anchors = anchors
    this.#nowMs = nowMs
  }

  /**
   * Level by level: what is reached a second time is not nearer to the leaf than before, so that it holds no better. Throws
   * RangeError where it takes too many signatures.
   */
  holds(leaf: X509Certificate): boolean {
    const seen = new Set([leaf])
    let level = [leaf]
    for (let below = 0; below < MAX_DEPTH && level.length > 0; below++) {
      const above: X509Certificate[] = []
      for (const certificate of level) {
        if (this.#anchors.some((anchor) => this.#isSignedByKey(certificate, anchor))) return true
        for (const issuer of this.#pool) {
          if (seen.has(issuer) || !this.#isIssuer(certificate, issuer, below)) continue
          if (this.#anchors.some((anchor) => isNamedBy(issuer, anchor))) return true
          seen.add(issuer)
          const isSelfIssued = issuer.checkIssued(issuer)
          if (!isSelfIssued && isUsable(issuer, this.#nowMs)) above.push(issuer)
        }
      }
      level = above
    }
    return false
  }

  /** A key that is named whole needs no certificate to vouch. */
  #isSignedByKey(certificate: X509Certificate, { of, digest, data }: Anchor): boolean {
    if (of !== 'key' || digest !== undefined) return false
    return this.#isSignedBy(certificate, createPublicKey({ key: data, type: 'spki', format: 'der' }))
  }

  /** @param below authorities between the leaf and the issuer */
  #isIssuer(certificate: X509Certificate, issuer: X509Certificate, below: number): boolean {
    if (!issuer.ca || !certificate.checkIssued(issuer)) return false
    if (!this.#isSignedBy(certificate, issuer.publicKey)) return false
    const constraints = extensionsOf(issuer.raw).find(({ oid }) => oid === BASIC_CONSTRAINTS)
    const most = constraints === undefined ? undefined : pathLength(constraints)
    return most === undefined || below <= most
  }

  #isSignedBy(certificate: X509Certificate, key: KeyObject): boolean {
    if (++this.#signatures > MAX_SIGNATURES) throw new RangeError('too many signatures')
    return certificate.verify(key)
  }
}

const BASIC_CONSTRAINTS = '551d13'
const NAME_CONSTRAINTS = '551d1e'
/** Critical extensions that are held to here or by OpenSSL: constraints, key usage, names, policies. */
const UNDERSTOOD = new Set([BASIC_CONSTRAINTS, '551d0f', '551d25', '551d11', '551d20'])
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'

function isUsable(certificate: X509Certificate, nowMs: number): boolean {
  const { validFromDate, validToDate, keyUsage: purposes } = certificate
  if (nowMs < validFromDate.getTime() || nowMs > validToDate.getTime()) return false
  if ((purposes as string[] | undefined)?.includes(SERVER_AUTH) === false) return false // undefined without the extension
  return extensionsOf(certificate.raw).every(isUnderstood)
}

/** Name constraints are not worked out, so a chain that has them does not hold. */
const isUnderstood = ({ oid, critical }: Extension): boolean =>
  oid !== NAME_CONSTRAINTS && (!critical || UNDERSTOOD.has(oid))
