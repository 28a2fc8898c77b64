/** What a connection's TLS proves, for the mechanisms that rest on it. */
import type { X509Certificate } from 'node:crypto'
import type { ClientCertificate, SaslChannel } from '../../formats/sasl/mod.ts'
import type { Connection, TlsFacts } from '../../io/net/mod.ts'

/** RFC 9266 §2. */
const LABEL = 'EXPORTER-Channel-Binding'
const OCTETS = 32

export function saslChannel(connection: Pick<Connection, 'tls' | 'exportKeyingMaterial'>): SaslChannel {
  const { tls } = connection
  if (tls === undefined) return { secured: false }
  // RFC 9266 §4.2: below TLS 1.3 it binds only with the extended master secret and without renegotiation, and neither is
  // ours to see or to forbid.
  const exporter = tls.protocol === 'TLSv1.3' ? connection.exportKeyingMaterial(LABEL, OCTETS) : undefined
  return { secured: true, exporter, certificate: certificateOf(tls) }
}

function certificateOf({ peerChain, ...tls }: TlsFacts): ClientCertificate | undefined {
  const [own] = peerChain
  if (own === undefined) return undefined
  const { peerFingerprint, peerKeyFingerprint, peerVerified } = tls
  return {
    fingerprints: [peerFingerprint, peerKeyFingerprint].filter((one) => one !== undefined),
    addresses: addressesOf(own),
    isVerified: peerVerified === true,
  }
}

/**
 * Addresses in rfc822Name. OpenSSL's text is quoted where a value could be taken for more than one: such a value is no
 * address that anybody has, and is left out.
 */
function addressesOf({ subjectAltName }: X509Certificate): string[] {
  if (subjectAltName === undefined || subjectAltName.includes('"')) return []
  return subjectAltName.split(', ').flatMap((name) => /^email:([^\s,"]+@[^\s,"@]+)$/.exec(name)?.[1] ?? [])
}
