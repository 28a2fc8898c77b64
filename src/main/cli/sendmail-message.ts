/** A message from a program's standard input: line ends as on the wire, its end, and the recipients of its header. */
import { parseAddressList } from '../../formats/address/mod.ts'

const LF = 0x0a
const CR = 0x0d
const CRLF = Buffer.from('\r\n')

/** sendmail_fix_line_endings */
export type LineEnds = 'always' | 'strict' | 'never'

/** Turns what a program writes into wire form: each line gets CRLF, and a CR that it came with goes or stays. */
export class WireLines {
  readonly #dotEnds: boolean
  /** Undefined until the first line has been seen. */
  #stripsCr: boolean | undefined
  #line: Buffer[] = []
  /** A line with one dot was read: what follows is not of the message. */
  ended = false

  constructor(dotEnds: boolean, ends: LineEnds = 'always') {
    this.#dotEnds = dotEnds
    this.#stripsCr = ends === 'strict' ? undefined : ends === 'always'
  }

  /** Whole lines of what has come so far. */
  push(chunk: Buffer): Buffer {
    const out: Buffer[] = []
    let from = 0
    for (let lf; !this.ended && (lf = chunk.indexOf(LF, from)) >= 0; from = lf + 1) {
      const last = chunk.subarray(from, lf)
      const line = this.#line.length === 0 ? last : Buffer.concat([...this.#line, last])
      this.#line = []
      this.#take(line, out)
    }
    if (!this.ended && from < chunk.length) this.#line.push(chunk.subarray(from))
    return Buffer.concat(out)
  }

  /** A last line without its end. */
  end(): Buffer {
    const out: Buffer[] = []
    if (this.#line.length > 0 && !this.ended) this.#take(Buffer.concat(this.#line), out)
    return Buffer.concat(out)
  }

  #take(given: Buffer, out: Buffer[]): void {
    this.#stripsCr ??= given.at(-1) === CR
    let line = given
    while (this.#stripsCr && line.at(-1) === CR) line = line.subarray(0, -1)
    if (this.#dotEnds && line.length === 1 && line[0] === 0x2e) {
      this.ended = true
      return
    }
    out.push(line, CRLF)
  }
}

/** Recipients of a header section, for -t. Where there are Resent- fields, these count. */
export function headerRecipients(head: Buffer): string[] {
  const fields = [...head.toString('utf8').matchAll(/^([\x21-\x39\x3b-\x7e]+)[ \t]*:((?:.*)(?:\r?\n[ \t].*)*)/gm)]
  const of = (names: RegExp): string[] =>
    fields.filter(([, name = '']) => names.test(name)).map(([, , value = '']) => value)
  const resent = of(/^resent-(to|cc|bcc)$/i)
  const values = resent.length > 0 ? resent : of(/^(to|cc|bcc|apparently-to)$/i)
  return values
    .flatMap((value) => parseAddressList(value))
    .flatMap((item) =>
      item.kind === 'mailbox' && item.local !== ''
        ? [item.domain === '' ? item.local : `${item.local}@${item.domain}`]
        : [],
    )
}

/** Where the header section ends in octets that are read so far; -1: it goes on. */
export function headerEnd(octets: Buffer): number {
  let fromEnd = 0
  for (let at = 0; at < octets.length;) {
    const lf = octets.indexOf(LF, at)
    if (lf < 0) return -1
    const line = octets.toString('latin1', at, lf)
    const isField = /^[\x21-\x39\x3b-\x7e]+[ \t]*:/.test(line) || (/^[ \t]/.test(line) && at > 0)
    // `From user date`, which mail programs put in front of a message.
    const isFrom = at === fromEnd && /^>*From /.test(line)
    if (!isField && !isFrom) return at
    at = lf + 1
    if (isFrom) fromEnd = at
  }
  return -1
}
