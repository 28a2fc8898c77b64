/**
 * The MIME tree in the store: what sections, search and decoding need, without a new scan. One JSON array a part:
 * `[headerFrom, bodyFrom, bodyTo, "type/subtype", encoding, charset, children]`.
 */
import { parameter } from './parameters.ts'
import type { Part } from './part.ts'

export interface PackedPart {
  readonly headerFrom: number
  readonly bodyFrom: number
  readonly bodyTo: number
  /** `text/plain`, in lower case. */
  readonly contentType: string
  readonly encoding: string
  readonly charset: string
  readonly children: readonly PackedPart[]
}

type Row = [number, number, number, string, string, string, ...Row[]]

function toRow(part: Part): Row {
  const charset = part.type === 'text' ? (parameter(part.parameters, 'charset') ?? '') : ''
  const { headerFrom, bodyFrom, bodyTo, type, subtype, encoding, children } = part
  return [headerFrom, bodyFrom, bodyTo, `${type}/${subtype}`, encoding, charset, ...children.map(toRow)]
}

export function encodeParts(root: Part): Buffer {
  return Buffer.from(JSON.stringify(toRow(root)))
}

function fromRow([headerFrom, bodyFrom, bodyTo, contentType, encoding, charset, ...children]: Row): PackedPart {
  return { headerFrom, bodyFrom, bodyTo, contentType, encoding, charset, children: children.map(fromRow) }
}

/** Reads what encodeParts wrote. */
export function decodeParts(packed: Uint8Array): PackedPart {
  return fromRow(JSON.parse(Buffer.from(packed).toString('utf8')) as Row) // written by encodeParts
}

/** Whether a part says that it is 8-bit or binary. @param deep not only the message itself */
export function says8bit(packed: Uint8Array, deep: boolean): boolean {
  const text = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength)
  if (!text.includes('"8bit"') && !text.includes('"binary"')) return false
  const says = (part: PackedPart): boolean =>
    part.encoding === '8bit' || part.encoding === 'binary' || (deep && part.children.some(says))
  return says(decodeParts(packed))
}
