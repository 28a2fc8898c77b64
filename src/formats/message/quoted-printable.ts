/** Content-Transfer-Encoding: quoted-printable, made line by line. RFC 2045 §6.7. */

/** A soft line break comes where a line is longer: 76 with a code and the break behind it. */
const SOFT_BREAK_AFTER = 72

const TAB = 0x09
const SPACE = 0x20
const EQUALS = 0x3d
const TILDE = 0x7e
const HEX = Buffer.from('0123456789ABCDEF')

export class QuotedPrintableEncoder {
  readonly #line = Buffer.allocUnsafe(SOFT_BREAK_AFTER + 8)
  #length = 0

  /**
   * Lines without their ends, as far as they are whole.
   * @param ends the text ends a line; otherwise it goes on with the next
   */
  push(text: Buffer, ends: boolean): Buffer[] {
    const lines: Buffer[] = []
    for (const octet of text) {
      if (this.#length > SOFT_BREAK_AFTER) {
        this.#put(EQUALS)
        lines.push(this.#take())
      }
      if ((octet < SPACE && octet !== TAB) || octet === EQUALS || octet > TILDE) this.#code(octet)
      else this.#put(octet)
    }
    if (!ends) return lines
    // Blanks at a line's end would be lost on the way.
    const last = this.#length === 0 ? undefined : this.#line[this.#length - 1]
    if (last === SPACE || last === TAB) {
      this.#length--
      this.#code(last)
    }
    lines.push(this.#take())
    return lines
  }

  #put(octet: number): void {
    this.#line[this.#length++] = octet
  }

  #code(octet: number): void {
    this.#put(EQUALS)
    this.#put(HEX[octet >> 4]!)
    this.#put(HEX[octet & 15]!)
  }

  #take(): Buffer {
    const line = Buffer.from(this.#line.subarray(0, this.#length))
    this.#length = 0
    return line
  }
}
