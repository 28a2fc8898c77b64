/**
 * A self-signed certificate, signed by node:crypto.
 */
import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import {
  alternativeNames,
  bits,
  commonName,
  der,
  ECDSA_SHA256,
  integer,
  octets,
  oid,
  pem,
  sequence,
  truth,
} from './der.ts'

/** GeneralizedTime, which needs no window of years. RFC 5280 would have UTCTime before 2050; readers take both. */
function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '')
  const year = Number(digits.slice(0, 4))
  return year < 2050 ? der(0x17, Buffer.from(digits.slice(2), 'latin1')) : der(0x18, Buffer.from(digits, 'latin1'))
}

function extensions(names: readonly string[], publicKey: KeyObject, more: readonly Buffer[]): Buffer {
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const keyId = createHash('sha1').update(spki.subarray(-65)).digest()
  return der(
    0xa3,
    sequence(
      sequence(oid('551d0e'), octets(octets(keyId))),
      sequence(oid('551d13'), truth, octets(sequence(truth))),
      alternativeNames(names),
      sequence(oid('551d25'), octets(sequence(oid('2b06010505070301'), oid('2b06010505070302')))), // server, client
      ...more,
    ),
  )
}

/**
 * A P-256 certificate for the names (DNS names and addresses), valid from an hour ago for `days`.
 * @param more further extensions, as DER
 * @returns PEM texts
 */
export function selfSigned(
  names: readonly string[],
  nowMs: number,
  days = 3650,
  more: readonly Buffer[] = [],
): { readonly cert: string; readonly key: string } {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const publicKey = createPublicKey(privateKey)
  const name = commonName(names[0] ?? 'localhost')
  const toBeSigned = sequence(
    der(0xa0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    ECDSA_SHA256,
    name,
    sequence(time(nowMs - 3_600_000), time(nowMs + days * 86_400_000)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    extensions(names, publicKey, more),
  )
  const certificate = sequence(toBeSigned, ECDSA_SHA256, bits(sign('sha256', toBeSigned, privateKey)))
  return { cert: pem('CERTIFICATE', certificate), key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string }
}
