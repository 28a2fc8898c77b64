/**
 * Reads one IMAP command, left to right, never back. RFC 9051 §9. Literals stand in the octets as they came:
 * `{5}\r\nhello`.
 */
import { ImapError } from './error.ts'

const SP = 0x20
const CR = 0x0d
const LF = 0x0a
const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_BRACE = 0x7b

/** Items of one list, sequence set or search program at the most. */
export const LIST_LIMIT = 10_000
/** Nested parentheses at the most. */
export const NESTING_LIMIT = 50

/** `ATOM-CHAR`: any CHAR but atom-specials `(){ %*"\]` and controls. RFC 9051 §9. */
export function isAtomChar(c: number): boolean {
  if (c <= SP || c >= 0x7f) return false
  return (
    c !== 0x28 &&
    c !== 0x29 &&
    c !== OPEN_BRACE &&
    c !== 0x25 &&
    c !== 0x2a &&
    c !== QUOTE &&
    c !== BACKSLASH &&
    c !== 0x5d
  )
}

const isDigit = (c: number): boolean => c >= 0x30 && c <= 0x39

export class Cursor {
  readonly #buf: Buffer
  #at = 0
  #depth = 0

  /** @param buf the command without its last line end */
  constructor(buf: Buffer) {
    this.#buf = buf
  }

  get at(): number {
    return this.#at
  }
  get done(): boolean {
    return this.#at >= this.#buf.length
  }

  bad(text: string): ImapError {
    return new ImapError('BAD', `${text} at octet ${this.#at}`)
  }

  peek(): string {
    return this.#at < this.#buf.length ? String.fromCharCode(this.#buf[this.#at]!) : ''
  }

  /** Moves over `text`, in any letter case; answers whether it stood there. */
  skip(text: string): boolean {
    const end = this.#at + text.length
    if (this.#buf.toString('latin1', this.#at, end).toUpperCase() !== text.toUpperCase()) return false
    this.#at = end
    return true
  }

  take(text: string): void {
    if (!this.skip(text)) throw this.bad(`Expected ${JSON.stringify(text)}`)
  }

  /** `SP`; clients that send several are forgiven. */
  takeSpace(): void {
    if (this.#buf[this.#at] !== SP) throw this.bad('Expected a space')
    while (this.#buf[this.#at] === SP) this.#at++
  }

  skipSpace(): boolean {
    if (this.#buf[this.#at] !== SP) return false
    this.takeSpace()
    return true
  }

  /** The command ends here; blanks before the line end are forgiven. */
  takeEnd(): void {
    while (this.#buf[this.#at] === SP) this.#at++
    if (!this.done) throw this.bad('Unexpected argument')
  }

  #takeWhile(test: (c: number) => boolean, what: string): string {
    const from = this.#at
    for (let c; (c = this.#buf[this.#at]) !== undefined && test(c);) this.#at++
    if (this.#at === from) throw this.bad(`Expected ${what}`)
    return this.#buf.toString('latin1', from, this.#at)
  }

  /** `tag`: any ASTRING-CHAR except `+`. */
  takeTag(): string {
    return this.#takeWhile((c) => (isAtomChar(c) || c === 0x5d) && c !== 0x2b, 'a tag')
  }

  takeAtom(): string {
    return this.#takeWhile(isAtomChar, 'an atom')
  }

  /** `objectid`: 1 to 255 letters, digits, `_` and `-` (RFC 8474 §7). */
  takeObjectId(): string {
    const id = this.takeAtom()
    if (!/^[A-Za-z0-9_-]{1,255}$/.test(id)) throw this.bad('Expected an object id')
    return id
  }

  /** A word of letters, digits and dots, in capitals: names of FETCH items and sections. */
  takeFetchName(): string {
    const isNameChar = (c: number): boolean => isDigit(c) || c === 0x2e || ((c | 0x20) >= 0x61 && (c | 0x20) <= 0x7a)
    return this.#takeWhile(isNameChar, 'a name').toUpperCase()
  }

  /** `number`: 0 to 4294967295. */
  takeNumber(): number {
    return this.#number(0xffff_ffff)
  }

  /** `number64`, as MODSEQ and sizes are. */
  takeNumber64(): number {
    return this.#number(Number.MAX_SAFE_INTEGER)
  }

  #number(most: number): number {
    let n = 0
    const from = this.#at
    for (let c; (c = this.#buf[this.#at]) !== undefined && isDigit(c); this.#at++) {
      n = n * 10 + (c - 0x30)
      if (n > most) throw this.bad('Number too large')
    }
    if (this.#at === from) throw this.bad('Expected a number')
    return n
  }

  /** `nz-number`: 1 to 4294967295, as UIDs and sequence numbers are. */
  takeNzNumber(): number {
    const n = this.takeNumber()
    if (n === 0) throw this.bad('Expected nz-number')
    return n
  }

  /** `string`: quoted or literal, as octets. */
  takeString(): Buffer {
    if (this.#buf[this.#at] === QUOTE) return this.#quoted()
    if (this.#buf[this.#at] === OPEN_BRACE || this.skip('~')) return this.#literal()
    throw this.bad('Expected a string')
  }

  #quoted(): Buffer {
    const pieces: Buffer[] = []
    let from = ++this.#at
    for (;;) {
      const c = this.#buf[this.#at]
      if (c === undefined || c === CR || c === LF || c === 0) throw this.bad('Expected a closing quote')
      if (c === QUOTE) break
      if (c === BACKSLASH) {
        pieces.push(this.#buf.subarray(from, this.#at))
        from = ++this.#at
        const escaped = this.#buf[from]
        if (escaped !== QUOTE && escaped !== BACKSLASH) throw this.bad('Expected a quoted-special')
      }
      this.#at++
    }
    pieces.push(this.#buf.subarray(from, this.#at++))
    return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
  }

  #literal(): Buffer {
    this.take('{')
    const length = this.takeNumber()
    this.skip('+')
    this.take('}\r\n')
    const octets = this.#buf.subarray(this.#at, this.#at + length)
    if (octets.length < length) throw this.bad('Literal is cut short')
    this.#at += length
    return octets
  }

  /** `astring`: an atom with `]` allowed, or a string. */
  takeAStringOctets(): Buffer {
    const c = this.#buf[this.#at]
    if (c === QUOTE || c === OPEN_BRACE) return this.takeString()
    return Buffer.from(
      this.#takeWhile((octet) => isAtomChar(octet) || octet === 0x5d, 'a string'),
      'latin1',
    )
  }

  takeAString(): string {
    return utf8(this.takeAStringOctets(), this)
  }

  /** `list-mailbox`: an atom with wildcards, or a string. */
  takeListMailbox(): string {
    const c = this.#buf[this.#at]
    if (c === QUOTE || c === OPEN_BRACE) return utf8(this.takeString(), this)
    // UTF-8 in an atom is not the standard's, and is what some clients send.
    const isListChar = (octet: number): boolean =>
      isAtomChar(octet) || octet === 0x25 || octet === 0x2a || octet === 0x5d || octet >= 0x80
    return utf8(Buffer.from(this.#takeWhile(isListChar, 'a mailbox pattern'), 'latin1'), this)
  }

  /** `nstring`. */
  takeNString(): Buffer | undefined {
    return this.skip('NIL') ? undefined : this.takeString()
  }

  /** `(a b c)` with at most LIST_LIMIT items; may be empty. */
  takeList<T>(item: () => T): T[] {
    this.take('(')
    if (++this.#depth > NESTING_LIMIT) throw this.bad('Parentheses are nested too deeply')
    const items: T[] = []
    while (!this.skip(')')) {
      if (items.length > 0) this.takeSpace()
      if (items.length >= LIST_LIMIT) throw this.bad('The list is too long')
      items.push(item())
    }
    this.#depth--
    return items
  }

  /** Counts nesting for grammars that are not plain lists (SEARCH). */
  nested<T>(inner: () => T): T {
    if (++this.#depth > NESTING_LIMIT) throw this.bad('The command is nested too deeply')
    const value = inner()
    this.#depth--
    return value
  }

  /** `flag`: `\Seen` or a keyword. */
  takeFlag(): string {
    return this.skip('\\') ? `\\${this.takeAtom()}` : this.takeAtom()
  }

  /** `flag-list`, parentheses optional as in STORE. */
  takeFlags(): string[] {
    if (this.peek() === '(') return this.takeList(() => this.takeFlag())
    const flags = [this.takeFlag()]
    while (this.skipSpace()) flags.push(this.takeFlag())
    return flags
  }

  /** What is left, without moving. */
  get rest(): Buffer {
    return this.#buf.subarray(this.#at)
  }
}

function utf8(octets: Buffer, cursor: Cursor): string {
  const text = octets.toString('utf8')
  if (text.includes('\ufffd') && !octets.includes('\ufffd')) throw cursor.bad('Not UTF-8')
  if (text.includes('\0')) throw cursor.bad('NUL in a string')
  return text
}
