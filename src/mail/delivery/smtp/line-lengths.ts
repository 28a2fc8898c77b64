/** smtp_line_length_limit: lines that are too long are broken by CRLF and a blank, in any cuts of the stream. */

const LF = 0x0a
const CR = 0x0d
const BREAK = Buffer.from('\r\n ')
const HELD = Buffer.from('\r')

export class LineBreaker {
  readonly #limit: number
  readonly #onBreak: () => void
  #broke = false
  /** Octets of the line at hand that have passed. */
  #length = 0
  /** A CR behind a line of full length: its end if LF follows. */
  #held = false

  /** @param limit octets of a line without its CRLF; 0 is none. @param onBreak called for the first line that is broken */
  constructor(limit: number, onBreak: () => void) {
    this.#limit = limit === 1 ? 2 : limit // a break is an octet of the line behind it
    this.#onBreak = onBreak
  }

  /** Views of the chunk, and breaks between them. */
  push(chunk: Buffer): Buffer[] {
    if (this.#limit === 0 || chunk.length === 0) return [chunk]
    const octets = this.#held ? Buffer.concat([HELD, chunk]) : chunk
    this.#held = false
    const parts: Buffer[] = []
    let from = 0
    for (let at = 0; at < octets.length;) {
      const stop = at + this.#limit - this.#length
      // The last line end within reach: no line up to there is too long.
      const lf = octets.subarray(at, stop + 1).lastIndexOf(LF)
      if (lf >= 0) at = this.#begin(at + lf + 1, 0)
      else if (octets.length <= stop) at = this.#begin(octets.length, this.#length + octets.length - at)
      else if (octets[stop] === CR && octets[stop + 1] === LF) at = this.#begin(stop + 2, 0)
      else if (octets[stop] === CR && stop + 1 === octets.length) {
        this.#length = this.#limit
        this.#held = true
        return [...parts, octets.subarray(from, stop)]
      } else {
        parts.push(octets.subarray(from, stop), BREAK)
        this.#tell()
        from = at = this.#begin(stop, 1)
      }
    }
    return [...parts, octets.subarray(from)]
  }

  end(): Buffer[] {
    return this.#held ? [HELD] : []
  }

  #begin(at: number, length: number): number {
    this.#length = length
    return at
  }

  #tell(): void {
    if (!this.#broke) this.#onBreak()
    this.#broke = true
  }
}
