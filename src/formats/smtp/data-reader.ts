/**
 * The content behind DATA, from a stream in any cuts: dots unstuffed, line ends made CRLF, the end found.
 *
 * The end is <CR><LF>.<CR><LF> and nothing else. What looks like it with a bare <LF> is content (SMTP smuggling); a bare
 * <LF> is made a line end, a bare <CR> a blank: Postfix 3.9's smtpd_forbid_bare_newline = normalize and
 * cleanup_replace_stray_cr_lf = yes. Octets are passed on as views; only what is changed makes new ones.
 */

const CR = 0x0d
const LF = 0x0a
const DOT = 0x2e
const CRLF = Buffer.from('\r\n')
const SPACE = Buffer.from(' ')

type State =
  | 'line'
  | 'cr' // a CR at the end of a chunk, held back
  | 'start' // at the start of a line
  | 'dot' // a dot at the start of a line, held back
  | 'dot-cr' // dot and CR, held back

export interface DataPiece {
  /** Content, in order. */
  readonly content: readonly Buffer[]
  /** Index in the chunk just behind the end of the data; -1 while it goes on. */
  readonly end: number
}

export class DataReader {
  readonly #dots: boolean
  #state: State = 'start'
  /** The line before ended in <CR><LF>: only then can a dot end the data. */
  #standard = true
  #bare = false

  /** @param dots false for BDAT: no dots are stuffed and nothing ends the content */
  constructor(dots = true) {
    this.#dots = dots
  }

  /** A bare <LF> or <CR> was seen. */
  get sawBare(): boolean {
    return this.#bare
  }

  push(chunk: Buffer): DataPiece {
    const content: Buffer[] = []
    const n = chunk.length
    let i = this.#resume(chunk, content)
    if (i < 0) return { content, end: -i }
    let from = i
    while (i < n) {
      if (this.#state === 'start' && this.#dots && chunk[i] === DOT) {
        if (i > from) content.push(chunk.subarray(from, i))
        const next = this.#dot(chunk, i)
        if (next < 0) return { content, end: -next }
        i = from = next
        continue
      }
      this.#state = 'line'
      let c = chunk[i]!
      while (c !== CR && c !== LF && ++i < n) c = chunk[i]!
      if (i >= n) break
      if (c === LF) {
        if (i > from) content.push(chunk.subarray(from, i))
        content.push(CRLF)
        this.#lineEnd(false)
        from = ++i
      } else if (i + 1 >= n) {
        if (i > from) content.push(chunk.subarray(from, i))
        this.#state = 'cr'
        from = ++i
      } else if (chunk[i + 1] === LF) {
        this.#lineEnd(true)
        i += 2
      } else {
        if (i > from) content.push(chunk.subarray(from, i))
        content.push(SPACE)
        this.#bare = true
        from = ++i
      }
    }
    if (n > from) content.push(chunk.subarray(from, n))
    return { content, end: -1 }
  }

  /** What a BDAT's last chunk held back. */
  finish(): readonly Buffer[] {
    if (this.#state !== 'cr') return []
    this.#bare = true
    this.#state = 'line'
    return [SPACE]
  }

  #lineEnd(standard: boolean): void {
    this.#state = 'start'
    this.#standard = standard
    if (!standard) this.#bare = true
  }

  /** Deals with what the last chunk held back. Answers where to go on, or minus the index behind the end. */
  #resume(chunk: Buffer, content: Buffer[]): number {
    if (chunk.length === 0) return 0
    switch (this.#state) {
      case 'cr':
        if (chunk[0] === LF) {
          content.push(CRLF)
          this.#lineEnd(true)
          return 1
        }
        content.push(SPACE)
        this.#bare = true
        this.#state = 'line'
        return 0
      case 'dot':
        return this.#afterDot(chunk, 0)
      case 'dot-cr':
        if (chunk[0] === LF) return -1
        this.#state = 'cr'
        return this.#resume(chunk, content)
      case 'line':
      case 'start':
        return 0
      default:
        return this.#state satisfies never
    }
  }

  /** At a dot that begins a line. */
  #dot(chunk: Buffer, at: number): number {
    if (at + 1 >= chunk.length) {
      this.#state = 'dot'
      return at + 1
    }
    return this.#afterDot(chunk, at + 1)
  }

  /** Behind the dot, which is dropped in any case. */
  #afterDot(chunk: Buffer, at: number): number {
    if (chunk[at] !== CR || !this.#standard) {
      this.#state = 'line'
      return at
    }
    if (at + 1 >= chunk.length) {
      this.#state = 'dot-cr'
      return at + 1
    }
    return this.#afterDotCr(chunk, at + 1)
  }

  #afterDotCr(chunk: Buffer, at: number): number {
    if (chunk[at] === LF) return -(at + 1)
    this.#state = 'line'
    return at - 1 // the CR is content, and a bare one
  }
}
