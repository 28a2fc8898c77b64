/** Content-Transfer-Encoding undone. RFC 2045 §6. Broken input gives what can be made of it. */

export type TransferEncoding = 'identity' | 'base64' | 'quoted-printable' | 'unknown'

export function transferEncoding(word: string): TransferEncoding {
  const name = word.trim().toLowerCase()
  if (name === '' || name === '7bit' || name === '8bit' || name === 'binary') return 'identity'
  return name === 'base64' || name === 'quoted-printable' ? name : 'unknown'
}

/** RFC 2045 §6.8: what is not in the alphabet is passed over. */
export function decodeBase64Body(body: Buffer): Buffer {
  return Buffer.from(body.toString('latin1'), 'base64')
}

const EQUALS = 0x3d
const CR = 0x0d
const LF = 0x0a

function hexValue(c: number | undefined): number {
  if (c === undefined) return -1
  if (c >= 0x30 && c <= 0x39) return c - 0x30
  const lower = c | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}

/** RFC 2045 §6.7: soft line breaks go, blanks at a line's end too; an `=` that begins no code is kept. */
export function decodeQuotedPrintable(body: Buffer): Buffer {
  const out = Buffer.allocUnsafe(body.length)
  let to = 0
  let coded = 0 // where the last code ended: blanks up to there are meant
  for (let at = 0; at < body.length; at++) {
    const c = body[at]!
    if (c === LF || c === CR) {
      while (to > coded && (out[to - 1] === 0x20 || out[to - 1] === 0x09) && c === CR) to--
      out[to++] = c
    } else if (c !== EQUALS) out[to++] = c
    else {
      const soft = softBreak(body, at + 1)
      const high = hexValue(body[at + 1])
      const low = hexValue(body[at + 2])
      if (soft > 0) at = soft - 1
      else if (high >= 0 && low >= 0) {
        out[to++] = high * 16 + low
        coded = to
        at += 2
      } else out[to++] = c
    }
  }
  return out.subarray(0, to)
}

/** Behind a soft line break that begins at `at`, or 0. Blanks may stand before the line end. */
function softBreak(body: Buffer, at: number): number {
  let i = at
  while (body[i] === 0x20 || body[i] === 0x09) i++
  if (body[i] === CR && body[i + 1] === LF) return i + 2
  if (body[i] === LF) return i + 1
  return i >= body.length ? i : 0
}

export function decodeTransfer(body: Buffer, encoding: TransferEncoding): Buffer {
  if (encoding === 'base64') return decodeBase64Body(body)
  return encoding === 'quoted-printable' ? decodeQuotedPrintable(body) : body
}
