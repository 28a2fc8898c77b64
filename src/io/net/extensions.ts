/**
 * The extensions of a certificate, read out of its DER: what node:crypto does not tell of. X.690, RFC 5280 §4.1.
 */

export interface Extension {
  /** The object identifier's octets in hexadecimal: `551d13` is 2.5.29.19. */
  readonly oid: string
  readonly critical: boolean
  readonly value: Buffer
}

interface Element {
  readonly tag: number
  readonly body: Buffer
}

/** Elements of one level at the most: no honest certificate has more. */
const MAX_ELEMENTS = 200

/** The elements one behind the other in `octets`. Throws RangeError where they are not whole. */
function elements(octets: Buffer): Element[] {
  const found: Element[] = []
  for (let at = 0; at < octets.length;) {
    if (found.length === MAX_ELEMENTS) throw new RangeError('too many elements')
    const tag = octets.readUInt8(at)
    const first = octets.readUInt8(at + 1)
    const more = first < 0x80 ? 0 : first & 0x7f
    if (more > 3) throw new RangeError('an element too long')
    const length = more === 0 ? first : octets.readUIntBE(at + 2, more)
    const from = at + 2 + more
    if (from + length > octets.length) throw new RangeError('an element that is not whole')
    found.push({ tag, body: octets.subarray(from, from + length) })
    at = from + length
  }
  return found
}

const inside = (element: Element | undefined): Element[] => elements(element?.body ?? Buffer.alloc(0))

/** @param der the certificate. Throws RangeError for what is none. */
export function extensionsOf(der: Buffer): Extension[] {
  const [certificate] = elements(der)
  const [toBeSigned] = inside(certificate)
  const wrapped = inside(toBeSigned).find(({ tag }) => tag === 0xa3)
  const [list] = inside(wrapped)
  return inside(list).map((extension) => {
    const parts = inside(extension)
    const critical = parts.find(({ tag }) => tag === 0x01)
    return {
      oid: parts[0]?.body.toString('hex') ?? '',
      critical: critical !== undefined && critical.body[0] !== 0,
      value: parts.at(-1)?.body ?? Buffer.alloc(0),
    }
  })
}

/** How many authorities may stand between this one and a leaf; undefined: any number. RFC 5280 §4.2.1.9. */
export function pathLength({ value }: Extension): number | undefined {
  const length = inside(elements(value)[0]).find(({ tag }) => tag === 0x02)
  return length === undefined ? undefined : length.body.reduce((sum, octet) => Math.min(sum * 256 + octet, 1000), 0)
}

/** The certificate's serial number, the octets of the INTEGER as they stand. Throws RangeError. */
export function serialNumber(der: Buffer): Buffer {
  const [certificate] = elements(der)
  const [toBeSigned] = inside(certificate)
  const serial = inside(toBeSigned).find(({ tag }) => tag === 0x02)
  if (serial === undefined) throw new RangeError('no serial number')
  return serial.body
}

/** keyIdentifier of authorityKeyIdentifier (RFC 5280 §4.2.1.1); undefined where there is none. */
export function authorityKeyId(der: Buffer): Buffer | undefined {
  const extension = extensionsOf(der).find(({ oid }) => oid === '551d23')
  if (extension === undefined) return undefined
  return inside(elements(extension.value)[0]).find(({ tag }) => tag === 0x80)?.body
}
