/** Multi-line answers: a line that begins with a dot gets a second one; `.` alone ends. RFC 1939 §3. */

const DOT = 0x2e
const CR = 0x0d
const LF = 0x0a

export const END = Buffer.from('.\r\n')
const CRLF_END = Buffer.from('\r\n.\r\n')

/**
 * Stuffs a message that comes in pieces. Pieces of the input are passed on as views; only dots at line starts make new
 * octets.
 */
export class DotStuffer {
  #atLineStart = true
  #afterCr = false

  /** The piece, stuffed. */
  push(piece: Buffer): readonly Buffer[] {
    if (piece.length === 0) return []
    const out: Buffer[] = []
    let from = 0
    const stuff = (at: number): void => {
      out.push(piece.subarray(from, at + 1))
      from = at // the dot once more
    }
    if (this.#atLineStart && piece[0] === DOT) stuff(0)
    else if (this.#afterCr && piece[0] === LF && piece[1] === DOT) stuff(1)
    for (let at = piece.indexOf('\r\n.'); at >= 0; at = piece.indexOf('\r\n.', at + 3)) stuff(at + 2)
    out.push(piece.subarray(from))
    const last = piece[piece.length - 1]
    const lineEnded = last === LF && (piece.length > 1 ? piece[piece.length - 2] === CR : this.#afterCr)
    this.#atLineStart = lineEnded
    this.#afterCr = last === CR
    return out
  }

  /** What ends the answer: a line end first, where the message lacks one. */
  end(): Buffer {
    return this.#atLineStart ? END : CRLF_END
  }
}
