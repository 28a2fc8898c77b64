/** A request for a certificate: PKCS #10. RFC 2986, RFC 8555 §7.4. */
import { createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import { alternativeNames, bits, commonName, der, ECDSA_SHA256, integer, octets, oid, sequence } from './der.ts'

/** A fresh P-256 key, and the request (DER) for the names. The first is the common name where it fits (64 characters). */
export function certificateRequest(names: readonly string[]): { readonly key: string; readonly csr: Buffer } {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const [first = ''] = names
  const subject = first.length <= 64 ? commonName(first) : sequence()
  // extensionRequest, RFC 2985 §5.4.2: a set of one list of extensions
  const requested = sequence(oid('2a864886f70d01090e'), der(0x31, sequence(alternativeNames(names))))
  const toBeSigned = sequence(
    integer(Buffer.from([0])),
    subject,
    createPublicKey(privateKey).export({ type: 'spki', format: 'der' }),
    der(0xa0, requested),
  )
  const csr = sequence(toBeSigned, ECDSA_SHA256, bits(sign('sha256', toBeSigned, privateKey)))
  return { key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string, csr }
}

/** id-pe-acmeIdentifier, critical: the digest that tls-alpn-01 shows. RFC 8737 §3. */
export function acmeIdentifier(digest: Buffer): Buffer {
  return sequence(oid('2b0601050507011f'), der(0x01, Buffer.from([0xff])), octets(octets(digest)))
}
