/**
 * The directives of DIGEST-MD5's challenge and response, RFC 2831 §7.1: `name=token` or `name="quoted string"`, separated
 * by commas. Values are strings of octets here (each character below 256): the charset is known only after reading.
 */
import { badProtocol } from './errors.ts'

/** No challenge or response has more; RFC 2831 names thirteen. */
const DIRECTIVES_MAX = 64
const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y
/** A value without quotes: a token, and the `/` or `=` of those who should have quoted it. */
const BARE_VALUE = /[!#-+\--~]+/y
const BLANKS = /[ \t\r\n]*/y

/** Reads `1#( directive )` from left to right. */
class Cursor {
  readonly #text: string
  #at = 0

  constructor(octets: Buffer) {
    this.#text = octets.toString('latin1')
  }

  get atEnd(): boolean {
    return this.#at >= this.#text.length
  }

  /** Blanks and, since a list may have empty elements (RFC 2616 §2.1), commas. Answers whether a comma was there. */
  skipSeparators(): boolean {
    const from = this.#at
    do this.#match(BLANKS)
    while (this.skip(','))
    return this.#text.slice(from, this.#at).includes(',')
  }

  skipBlanks(): void {
    this.#match(BLANKS)
  }

  skip(character: string): boolean {
    if (this.#text[this.#at] !== character) return false
    this.#at++
    return true
  }

  takeToken(): string {
    return this.#take(TOKEN)
  }

  takeBareValue(): string {
    return this.#take(BARE_VALUE)
  }

  #take(pattern: RegExp): string {
    this.#match(BLANKS)
    const token = this.#match(pattern)
    if (token === '') throw badProtocol()
    this.#match(BLANKS)
    return token
  }

  /** After the opening quote: to the closing one, `\` taken away (RFC 2831 §7.2, unq). */
  takeQuoted(): string {
    let value = ''
    for (;;) {
      const character = this.#text[this.#at++]
      if (character === '"') return value
      const octet = character === '\\' ? this.#text[this.#at++] : character
      if (octet === undefined) throw badProtocol()
      value += octet
    }
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0] ?? ''
    this.#at += found.length
    return found
  }
}

/** All values by directive, in order. Names are folded to lower case. Throws SaslError. */
export function parseDirectives(octets: Buffer): Map<string, readonly string[]> {
  const cursor = new Cursor(octets)
  const found = new Map<string, readonly string[]>()
  let count = 0
  cursor.skipSeparators()
  while (!cursor.atEnd) {
    if (++count > DIRECTIVES_MAX) throw badProtocol()
    const name = cursor.takeToken().toLowerCase()
    if (!cursor.skip('=')) throw badProtocol()
    const value = takeValue(cursor)
    found.set(name, [...(found.get(name) ?? []), value])
    if (!cursor.skipSeparators() && !cursor.atEnd) throw badProtocol()
  }
  return found
}

/** A token or a quoted string. `digest-uri` and others are quoted by the grammar; some clients send them bare. */
function takeValue(cursor: Cursor): string {
  cursor.skipBlanks()
  return cursor.skip('"') ? cursor.takeQuoted() : cursor.takeBareValue()
}

/** The one value of a directive that may stand at most once; undefined when it is absent. */
export function onlyValue(directives: ReadonlyMap<string, readonly string[]>, name: string): string | undefined {
  const values = directives.get(name) ?? []
  if (values.length > 1) throw badProtocol()
  return values[0]
}

/** The one value of a directive that must stand exactly once. */
export function requiredValue(directives: ReadonlyMap<string, readonly string[]>, name: string): string {
  const value = onlyValue(directives, name)
  if (value === undefined) throw badProtocol()
  return value
}

/** `"…"` with `\` before what needs it. */
export function quoted(octetString: string): string {
  return `"${octetString.replaceAll(/["\\]/g, String.raw`\$&`)}"`
}
