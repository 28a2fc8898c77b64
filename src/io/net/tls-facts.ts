/** What a handshake has brought, for those who decide on it. */
import { createHash, type X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import type { TlsFacts } from './contract.ts'

export function factsOf(socket: TLSSocket, digest: string): TlsFacts {
  const cipher = socket.getCipher()
  const certificate = socket.getPeerX509Certificate()
  return {
    protocol: socket.getProtocol() ?? 'unknown',
    cipher: cipher.standardName ?? cipher.name,
    bits: /256|CHACHA20/.test(cipher.name) ? 256 : 128,
    serverName: typeof socket.servername === 'string' ? socket.servername : undefined,
    resumed: socket.isSessionReused(),
    peerFingerprint: certificate && fingerprint(digest, certificate.raw),
    peerKeyFingerprint:
      certificate && fingerprint(digest, certificate.publicKey.export({ type: 'spki', format: 'der' })),
    peerVerified: certificate === undefined ? undefined : isVerified(socket),
    peerFault: certificate === undefined ? undefined : faultOf(socket),
    peerNames: certificate === undefined ? [] : namesOf(certificate),
    peerChain: chainOf(certificate),
  }
}

/** A handshake that went on with a session: of the peer holds what was found when that began. */
export function ofPeerBefore(now: TlsFacts, before: TlsFacts): TlsFacts {
  const { peerFingerprint, peerKeyFingerprint, peerVerified, peerFault, peerNames, peerChain } = before
  return { ...now, peerFingerprint, peerKeyFingerprint, peerVerified, peerFault, peerNames, peerChain }
}

/** Certificates of a peer that are looked at. */
const MAX_CHAIN = 10

function chainOf(leaf: X509Certificate | undefined): X509Certificate[] {
  const chain: X509Certificate[] = []
  for (let one = leaf; one !== undefined && chain.length < MAX_CHAIN; one = one.issuerCertificate) chain.push(one)
  return chain
}

function namesOf(certificate: X509Certificate): string[] {
  const listed = [...(certificate.subjectAltName ?? '').matchAll(/(?:^|, )DNS:([^,\s]+)/g)].map(([, name = '']) => name)
  if (listed.length > 0) return listed
  const [, common] = /^CN=([^\s]+)$/m.exec(certificate.subject) ?? []
  return common === undefined ? [] : [common]
}

/** Node gives the code where its types speak of an error. */
function faultOf({ authorizationError: fault }: { readonly authorizationError: unknown }): string | undefined {
  if (fault instanceof Error) return 'code' in fault ? String(fault.code) : fault.message
  return typeof fault === 'string' ? fault : undefined
}

/** Node sets `authorized` of a server's side only where its own tls.Server took the socket; it asks the same handle. */
function isVerified(socket: TLSSocket): boolean {
  const handle: unknown = Reflect.get(socket, 'ssl')
  if (typeof handle !== 'object' || handle === null || !('verifyError' in handle)) return socket.authorized
  return typeof handle.verifyError === 'function' && handle.verifyError() === null
}

/** `AA:BB:…` */
function fingerprint(digest: string, octets: Buffer): string {
  const hex = createHash(digest).update(octets).digest('hex').toUpperCase()
  return hex.match(/../g)?.join(':') ?? ''
}
