/** Content-Transfer-Encoding: quoted-printable, made line by line. RFC 2045 §6.7. */

/** A soft line break comes where a line is longer: 76 with a code and the break behind it. */
const SOFT_BREAK_AFTER = 72

const TAB = 0x09
const SPACE = 0x20
const EQUALS = 0x3d
const TILDE = 0x7e
const HEX = Buffer.from('0123456789ABCDEF')

const CR = 0x0d
const LF = 0x0a

/** Octets that one octet may become: a soft line break and a code. */
const GROWTH = 6

/** Whether an octet stands for itself. */
const PLAIN = Uint8Array.from({ length: 256 }, (_, octet) =>
  (octet >= SPACE && octet <= TILDE && octet !== EQUALS) || octet === TAB ? 1 : 0,
)

export class QuotedPrintableEncoder {
  /** Of the line at hand, octets that came out of it. */
  #length = 0
  #last = 0

  /**
   * Lines with their ends, and what there is of the last one.
   * @param ends the text ends a line; otherwise it goes on with the next
   */
  push(text: Buffer, ends: boolean): Buffer {
    const out = Buffer.allocUnsafe(text.length * GROWTH + GROWTH)
    let to = 0
    let length = this.#length
    for (const octet of text) {
      if (length > SOFT_BREAK_AFTER) {
        out[to++] = EQUALS
        out[to++] = CR
        out[to++] = LF
        length = 0
      }
      if (PLAIN[octet] === 1) {
        out[to++] = octet
        length++
      } else {
        to = code(out, to, octet)
        length += 3
      }
    }
    const last = text.length === 0 ? this.#last : text[text.length - 1]!
    // Blanks at a line's end would be lost on the way; one that went out already stays, and ends behind a soft break.
    if (ends && length > 0 && (last === SPACE || last === TAB)) {
      if (text.length > 0) to = code(out, to - 1, last)
      else to += out.write('=\r\n', to, 'latin1')
    }
    if (ends) {
      out[to++] = CR
      out[to++] = LF
    }
    this.#length = ends ? 0 : length
    this.#last = ends ? 0 : last
    return out.subarray(0, to)
  }
}

function code(out: Buffer, at: number, octet: number): number {
  out[at] = EQUALS
  out[at + 1] = HEX[octet >> 4]!
  out[at + 2] = HEX[octet & 15]!
  return at + 3
}
