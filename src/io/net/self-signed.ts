/**
 * A self-signed certificate: DER by hand (X.690, RFC 5280), signed by node:crypto.
 */
import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { isIP } from 'node:net'

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  const n = body.length
  const length = n < 0x80 ? [n] : n < 0x100 ? [0x81, n] : [0x82, n >> 8, n & 0xff]
  return Buffer.concat([Buffer.from([tag, ...length]), body])
}

const sequence = (...parts: readonly Buffer[]): Buffer => der(0x30, ...parts)
const oid = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'))
const octets = (body: Buffer): Buffer => der(0x04, body)
const bits = (body: Buffer): Buffer => der(0x03, Buffer.from([0]), body)
const truth = der(0x01, Buffer.from([0xff]))
const integer = (body: Buffer): Buffer =>
  der(0x02, (body[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.from([0]), body]) : body)

/** GeneralizedTime, which needs no window of years. RFC 5280 would have UTCTime before 2050; readers take both. */
function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '')
  const year = Number(digits.slice(0, 4))
  return year < 2050 ? der(0x17, Buffer.from(digits.slice(2), 'latin1')) : der(0x18, Buffer.from(digits, 'latin1'))
}

const ECDSA_SHA256 = sequence(oid('2a8648ce3d040302'))

function addressOctets(ip: string): Buffer {
  if (isIP(ip) === 4) return Buffer.from(ip.split('.').map(Number))
  const [head = '', tail = ''] = ip.split('::')
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'))
  const left = groups(head)
  const right = groups(tail)
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0')
  return Buffer.from([...left, ...zeros, ...right].map((group) => group.padStart(4, '0')).join(''), 'hex')
}

function extensions(names: readonly string[], publicKey: KeyObject): Buffer {
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const keyId = createHash('sha1').update(spki.subarray(-65)).digest()
  const alternatives = names.map((name) =>
    isIP(name) ? der(0x87, addressOctets(name)) : der(0x82, Buffer.from(name, 'latin1')),
  )
  return der(
    0xa3,
    sequence(
      sequence(oid('551d0e'), octets(octets(keyId))),
      sequence(oid('551d13'), truth, octets(sequence(truth))),
      sequence(oid('551d11'), octets(sequence(...alternatives))),
      sequence(oid('551d25'), octets(sequence(oid('2b06010505070301'), oid('2b06010505070302')))), // server, client
    ),
  )
}

function pem(label: string, body: Buffer): string {
  const lines = body.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}

/**
 * A P-256 certificate for the names (DNS names and addresses), valid from an hour ago for `days`.
 * @returns PEM texts
 */
export function selfSigned(
  names: readonly string[],
  nowMs: number,
  days = 3650,
): { readonly cert: string; readonly key: string } {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const publicKey = createPublicKey(privateKey)
  const commonName = sequence(
    der(0x31, sequence(oid('550403'), der(0x0c, Buffer.from(names[0] ?? 'localhost', 'utf8')))),
  )
  const toBeSigned = sequence(
    der(0xa0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    ECDSA_SHA256,
    commonName,
    sequence(time(nowMs - 3_600_000), time(nowMs + days * 86_400_000)),
    commonName,
    publicKey.export({ type: 'spki', format: 'der' }),
    extensions(names, publicKey),
  )
  const certificate = sequence(toBeSigned, ECDSA_SHA256, bits(sign('sha256', toBeSigned, privateKey)))
  return { cert: pem('CERTIFICATE', certificate), key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string }
}
