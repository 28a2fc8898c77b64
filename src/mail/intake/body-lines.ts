/** A body that a filter wrote, as lines in wire form: whatever ends them, and the last one too. */
const CR = 0x0d
const LF = 0x0a
const CRLF = Buffer.from('\r\n')
const EMPTY = Buffer.alloc(0)

export class BodyLines {
  /** The octet before the next. */
  #last = LF

  push(piece: Buffer): Buffer {
    const out: Buffer[] = []
    let from = 0
    for (let lf = piece.indexOf(LF); lf >= 0; lf = piece.indexOf(LF, lf + 1)) {
      if ((lf === 0 ? this.#last : piece[lf - 1]) === CR) continue
      out.push(piece.subarray(from, lf), CRLF)
      from = lf + 1
    }
    this.#last = piece[piece.length - 1] ?? this.#last
    return from === 0 ? piece : Buffer.concat([...out, piece.subarray(from)])
  }

  end(): Buffer {
    return this.#last === LF ? EMPTY : CRLF
  }
}
