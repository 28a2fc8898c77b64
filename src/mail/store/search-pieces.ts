/** The octets of a part with their transfer encoding undone, piece by piece. */
import { decodeTransfer, type PackedPart, transferEncoding } from '../../formats/message/mod.ts'

/** Octets that are decoded at once; longer parts in pieces that end with a line. */
const PIECE = 1_048_576

const LF = 0x0a
const EMPTY = Buffer.alloc(0)
const NOT_BASE64 = /[^A-Za-z0-9+/]/g

/** Octets of the content, offsets as the MIME tree has them. */
type Slice = (from: number, to: number) => Buffer

/** Ends with a line each, so that no character of any charset is cut in two; a line beyond any size with one of UTF-8. */
export function* decodedPieces(part: PackedPart, slice: Slice): Generator<Buffer> {
  const encoding = transferEncoding(part.encoding)
  let line: Buffer = EMPTY // decoded, not yet whole
  let group: Buffer = EMPTY // base64, not yet a group of four
  for (const octets of pieces(part, slice)) {
    let whole = octets
    if (encoding === 'base64') {
      const letters = Buffer.from(`${group.toString('latin1')}${octets.toString('latin1')}`.replace(NOT_BASE64, ''))
      const groups = letters.length - (letters.length % 4)
      whole = letters.subarray(0, groups)
      group = letters.subarray(groups)
    }
    const decoded = behind(line, decodeTransfer(whole, encoding))
    const end = decoded.length < PIECE / 2 ? 0 : decoded.lastIndexOf(LF) + 1 || characterEnd(decoded)
    if (end > 0) yield decoded.subarray(0, end)
    line = decoded.subarray(end)
  }
  const rest = behind(line, decodeTransfer(group, encoding))
  if (rest.length > 0) yield rest
}

function* pieces(part: PackedPart, slice: Slice): Generator<Buffer> {
  for (let at = part.bodyFrom; at < part.bodyTo;) {
    const octets = slice(at, Math.min(at + PIECE, part.bodyTo))
    if (octets.length === 0) return
    const line = at + octets.length < part.bodyTo ? octets.lastIndexOf(LF) + 1 : 0
    const end = line > 0 ? line : octets.length
    yield octets.subarray(0, end)
    at += end
  }
}

const behind = (a: Buffer, b: Buffer): Buffer => (a.length === 0 ? b : b.length === 0 ? a : Buffer.concat([a, b]))

/** Where the last whole UTF-8 character ends. */
function characterEnd(octets: Buffer): number {
  let lead = octets.length - 1
  while (lead > octets.length - 4 && ((octets[lead] ?? 0) & 0xc0) === 0x80) lead--
  return ((octets[lead] ?? 0) & 0xc0) === 0xc0 ? lead : octets.length
}
