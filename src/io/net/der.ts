/**
 * DER as certificates and requests are written in it, by hand. X.690, RFC 5280.
 */
import { isIP } from 'node:net'

export function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  const n = body.length
  const length = n < 0x80 ? [n] : n < 0x100 ? [0x81, n] : [0x82, n >> 8, n & 0xff]
  return Buffer.concat([Buffer.from([tag, ...length]), body])
}

export const sequence = (...parts: readonly Buffer[]): Buffer => der(0x30, ...parts)
export const oid = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'))
export const octets = (body: Buffer): Buffer => der(0x04, body)
export const bits = (body: Buffer): Buffer => der(0x03, Buffer.from([0]), body)
export const truth = der(0x01, Buffer.from([0xff]))
export const integer = (body: Buffer): Buffer =>
  der(0x02, (body[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.from([0]), body]) : body)

export const ECDSA_SHA256 = sequence(oid('2a8648ce3d040302'))

/** A name that is a common name alone. */
export const commonName = (name: string): Buffer =>
  sequence(der(0x31, sequence(oid('550403'), der(0x0c, Buffer.from(name, 'utf8')))))

/** The extension subjectAltName for DNS names and addresses. RFC 5280 §4.2.1.6. */
export function alternativeNames(names: readonly string[]): Buffer {
  const alternatives = names.map((name) =>
    isIP(name) ? der(0x87, addressOctets(name)) : der(0x82, Buffer.from(name, 'latin1')),
  )
  return sequence(oid('551d11'), octets(sequence(...alternatives)))
}

function addressOctets(ip: string): Buffer {
  if (isIP(ip) === 4) return Buffer.from(ip.split('.').map(Number))
  const [head = '', tail = ''] = ip.split('::')
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'))
  const left = groups(head)
  const right = groups(tail)
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0')
  return Buffer.from([...left, ...zeros, ...right].map((group) => group.padStart(4, '0')).join(''), 'hex')
}

export function pem(label: string, body: Buffer): string {
  const lines = body.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}
