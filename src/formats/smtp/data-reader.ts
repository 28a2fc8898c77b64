/**
 * The content behind DATA or BDAT, from a stream in any cuts: dots unstuffed, line ends made CRLF, the end found.
 * Octets are passed on as views of the chunk; only what is changed makes pieces of its own.
 *
 * The end is <CR><LF>.<CR><LF> and nothing else. A line that is a lone dot with any other line end, before it or behind
 * it, is dropped: it is no end here (SMTP smuggling), and must not become one at the next host. A bare <LF> is made a
 * line end, a bare <CR> a blank. That is Postfix 3.10's smtpd_forbid_bare_newline = normalize with
 * cleanup_replace_stray_cr_lf = yes; `no` reads as Postfix before 3.9 did.
 */

const CR = 0x0d
const LF = 0x0a
const DOT = 0x2e
const CRLF = Buffer.from('\r\n')
const SPACE = Buffer.from(' ')
const STRAY_CR = Buffer.from('\r')

type State =
  | 'start' // at the start of a line
  | 'line' // inside a line
  | 'cr' // behind CRs that are held back
  | 'dot' // behind a dot that begins a line; it is dropped in any case
  | 'dot-cr' // behind such a dot and CRs that are held back

export interface DataReaderOptions {
  /** False for BDAT: no dots are stuffed and nothing ends the content. */
  readonly dots?: boolean
  /** False: a lone dot ends the data with any line ends, and CRs before LF are dropped. */
  readonly strict?: boolean
  /** False: bare CRs stay. */
  readonly replaceStrayCr?: boolean
}

export interface DataPiece {
  /** Content, in order. */
  readonly content: Buffer[]
  /** Index in the chunk just behind the end of the data; -1 while it goes on. */
  readonly end: number
}

export class DataReader {
  readonly #dots: boolean
  readonly #strict: boolean
  readonly #stray: Buffer
  /**
   * What needs a closer look: a bare CR or one at the chunk's end, a bare LF, a dot that begins a line. One search over
   * the whole chunk costs a third of looking at each line by itself.
   */
  readonly #odd: RegExp
  #state: State = 'start'
  #heldCrs = 0
  /** The line before ended in <CR><LF> (or is the command's): only then can a dot end the data. */
  #standard = true
  #bareLf = false

  constructor({ dots = true, strict = true, replaceStrayCr = true }: DataReaderOptions = {}) {
    this.#dots = dots
    this.#strict = strict
    this.#stray = replaceStrayCr ? SPACE : STRAY_CR
    this.#odd = dots ? /\r(?!\n)|(?<!\r)\n|\n\./g : /\r(?!\n)|(?<!\r)\n/g
  }

  /** A bare <LF> was seen. */
  get sawBareLf(): boolean {
    return this.#bareLf
  }

  /** @param from where the content begins in the chunk */
  push(chunk: Buffer, from = 0): DataPiece {
    const content: Buffer[] = []
    const text = chunk.toString('latin1')
    let viewAt = from // octets from here on are content and not yet in `content`
    let i = from
    const cut = (to: number, behind: number): void => {
      if (to > viewAt) content.push(chunk.subarray(viewAt, to))
      viewAt = behind
    }
    while (i < chunk.length) {
      const c = chunk[i]
      switch (this.#state) {
        case 'start':
          this.#state = 'line'
          if (c !== DOT || !this.#dots) break
          cut(i, ++i)
          this.#state = 'dot'
          break
        case 'line': {
          const odd = this.#nextOdd(text, i)
          i = odd < 0 ? chunk.length : odd + 1
          if (odd < 0) {
            if (chunk[i - 1] === LF) this.#lineEnd(true)
          } else if (chunk[odd] === CR) {
            cut(odd, i)
            this.#hold('cr')
          } else if (odd > from && chunk[odd - 1] === CR) {
            this.#lineEnd(true) // a dot comes
          } else {
            cut(odd, i)
            content.push(CRLF)
            this.#lineEnd(false)
          }
          break
        }
        case 'cr':
          cut(i, c === CR || c === LF ? ++i : i)
          if (c === CR) this.#heldCrs++
          else if (c === LF) this.#endHeld(content)
          else this.#letGo(content)
          break
        case 'dot':
          cut(i, c === CR || c === LF ? ++i : i)
          if (c === CR) this.#hold('dot-cr')
          else if (c !== LF) this.#state = 'line'
          else if (!this.#strict) return { content, end: i }
          else this.#lineEnd(false)
          break
        case 'dot-cr':
          if (c === LF && (this.#standard || !this.#strict)) return { content, end: i + 1 }
          if (c === LF) {
            cut(i, ++i)
            this.#lineEnd(true)
          } else if (c === CR && !this.#strict) cut(i, ++i)
          else this.#state = 'cr' // what was held is content, and a bare CR
          break
        default:
          return this.#state satisfies never
      }
    }
    cut(chunk.length, chunk.length)
    return { content, end: -1 }
  }

  /** What the last BDAT chunk held back, and a line end where it has none: a message ends in one. */
  finish(): readonly Buffer[] {
    const content: Buffer[] = []
    if (this.#state === 'cr') this.#letGo(content)
    if (this.#state !== 'start') content.push(CRLF)
    this.#state = 'start'
    return content
  }

  /** The next octet, at or behind `from`, that is not in an ordinary line; -1 for none. */
  #nextOdd(text: string, from: number): number {
    this.#odd.lastIndex = from
    if (!this.#odd.test(text)) return -1
    const last = this.#odd.lastIndex - 1
    return text.charCodeAt(last) === DOT ? last - 1 : last
  }

  #hold(state: 'cr' | 'dot-cr'): void {
    this.#state = state
    this.#heldCrs = 1
  }

  #lineEnd(standard: boolean): void {
    this.#state = 'start'
    this.#standard = standard
    if (!standard) this.#bareLf = true
  }

  /** LF behind held CRs: the last of them is its own, those before are stray (Postfix before 3.9 dropped them). */
  #endHeld(content: Buffer[]): void {
    for (let n = this.#strict ? this.#heldCrs : 1; n > 1; n--) content.push(this.#stray)
    content.push(CRLF)
    this.#lineEnd(true)
  }

  /** No LF behind held CRs: all are stray. */
  #letGo(content: Buffer[]): void {
    for (let n = this.#heldCrs; n > 0; n--) content.push(this.#stray)
    this.#state = 'line'
  }
}
