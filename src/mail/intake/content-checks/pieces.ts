/** Lines of a body as they are looked at, and what comes out of them. */

const CRLF_OCTETS = 2

/** What comes out of a part of the body. */
export class Output {
  readonly pieces: Buffer[] = []
  readonly #data: Buffer
  #from = 0

  constructor(data: Buffer) {
    this.#data = data
  }

  /** All up to `at` stays as it is. */
  keepTo(at: number): void {
    if (at > this.#from) this.pieces.push(this.#data.subarray(this.#from, at))
    this.#from = at
  }

  /** Octets in place of what stands before `next`. */
  put(octets: Buffer, next: number): void {
    if (octets.length > 0) this.pieces.push(octets)
    this.#from = next
  }

  all(): Buffer {
    return this.pieces.length === 1 ? this.pieces[0]! : Buffer.concat(this.pieces)
  }
}

/** One physical line, or as much of it as is looked at together. */
export interface Piece {
  readonly text: Buffer
  readonly raw: Buffer
  /** The line goes on behind it. */
  readonly continues: boolean
  readonly atLineStart: boolean
}

/** A whole line, from `at` to its CRLF at `end`. */
export function lineIn(octets: Buffer, at: number, end: number): Piece {
  const text = octets.subarray(at, end)
  return { text, raw: octets.subarray(at, end + CRLF_OCTETS), continues: false, atLineStart: true }
}

/** `--` stands at `at`, or may when more has come. */
export function mayBoundary(data: Buffer, at: number): boolean {
  return (data[at] ?? 0x2d) === 0x2d && (data[at + 1] ?? 0x2d) === 0x2d
}
