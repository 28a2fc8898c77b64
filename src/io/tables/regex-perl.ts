/**
 * Perl's regular expressions, as far as our own matcher gives exactly what libpcre2 gives; the rest is refused with a
 * reason. Used only where the system has no libpcre2.
 */
import {
  choice,
  classRanges,
  complement,
  PatternError,
  sequence,
  UnsupportedPattern,
  type Anchor,
  type CodeRange,
  type ParsedPattern,
  type Regex,
} from './regex-ast.ts'

export interface PerlOptions {
  readonly multiline: boolean
  readonly dotAll: boolean
  readonly extended: boolean
  readonly dollarEndOnly: boolean
  readonly ungreedy: boolean
}

const MAX_REPEAT = 65_535
const MAX_DEPTH = 200

const ESCAPED: Readonly<Record<string, number>> = { a: 0x07, e: 0x1b, f: 0x0c, n: 0x0a, r: 0x0d, t: 0x09 }
const ESCAPED_CLASSES: Readonly<Record<string, string>> = { d: 'digit', w: 'word', s: 'space' }
const HORIZONTAL: readonly CodeRange[] = [0x09, 0x20, 0xa0].map((c) => ({ from: c, to: c }))

/** Parses a pattern. Throws PatternError for faults, UnsupportedPattern for what only libpcre2 can do. */
export function parsePerl(text: string, options: PerlOptions): ParsedPattern {
  return new PerlParser(text, options).parse()
}

class PerlParser {
  readonly #text: string
  readonly #options: PerlOptions
  #at = 0
  #captures = 0
  #depth = 0

  constructor(text: string, options: PerlOptions) {
    this.#text = text
    this.#options = options
  }

  parse(): ParsedPattern {
    const regex = this.#alternatives()
    if (this.#at < this.#text.length) throw this.#error('unmatched closing parenthesis')
    return { regex, captures: this.#captures }
  }

  #error(text: string): PatternError {
    return new PatternError(`error in regex at offset ${this.#at}: ${text}`)
  }

  #unsupported(what: string): UnsupportedPattern {
    return new UnsupportedPattern(`at offset ${this.#at}: ${what} needs libpcre2, which this system lacks`)
  }

  #skip(text: string): boolean {
    if (!this.#text.startsWith(text, this.#at)) return false
    this.#at += text.length
    return true
  }

  #alternatives(): Regex {
    if (++this.#depth > MAX_DEPTH) throw this.#error('parentheses are too deeply nested')
    const branches = [this.#branch()]
    while (this.#skip('|')) branches.push(this.#branch())
    this.#depth--
    return choice(branches)
  }

  #branch(): Regex {
    const items: Regex[] = []
    for (;;) {
      this.#skipLayout()
      const c = this.#text[this.#at]
      if (c === undefined || c === '|' || c === ')') return sequence(items)
      items.push(this.#repeated(this.#atom()))
    }
  }

  /** With the x flag white space and comments say nothing. */
  #skipLayout(): void {
    if (!this.#options.extended) return
    const layout = /(?:[\s]|#[^\n]*(?:\n|$))*/y
    layout.lastIndex = this.#at
    this.#at += layout.exec(this.#text)?.[0].length ?? 0
  }

  #repeated(atom: Regex): Regex {
    this.#skipLayout()
    const bounds = this.#bounds()
    if (bounds === undefined) return atom
    if (atom.kind === 'anchor' || atom.kind === 'look') throw this.#unsupported('a quantifier behind an assertion')
    const mark = this.#text[this.#at]
    if (mark === '?' || mark === '+') this.#at++
    const isLazy = (mark === '?') !== this.#options.ungreedy
    return {
      kind: 'repeat',
      body: atom,
      min: bounds[0],
      max: bounds[1],
      mode: mark === '+' ? 'possessive' : isLazy ? 'lazy' : 'greedy',
    }
  }

  #bounds(): readonly [number, number] | undefined {
    if (this.#skip('*')) return [0, Infinity]
    if (this.#skip('+')) return [1, Infinity]
    if (this.#skip('?')) return [0, 1]
    const interval = /\{(\d+)(,(\d*))?\}/y // anything else behind `{` is text
    interval.lastIndex = this.#at
    const m = interval.exec(this.#text)
    if (m === null) return undefined
    this.#at += m[0].length
    const min = Number(m[1])
    const max = m[2] === undefined ? min : m[3] === '' ? Infinity : Number(m[3])
    if (min > MAX_REPEAT || (max !== Infinity && max > MAX_REPEAT)) throw this.#error('number too big in {} quantifier')
    if (min > max) throw this.#error('numbers out of order in {} quantifier')
    return [min, max]
  }

  #atom(): Regex {
    const code = this.#text.codePointAt(this.#at) ?? 0
    const c = String.fromCodePoint(code)
    this.#at += c.length
    switch (c) {
      case '.':
        return { kind: 'any', newline: this.#options.dotAll }
      case '^':
        return { kind: 'anchor', at: this.#options.multiline ? 'inner-line-start' : 'start' }
      case '$':
        return { kind: 'anchor', at: this.#dollar() }
      case '(':
        return this.#group()
      case '[':
        return this.#brackets()
      case '\\':
        return this.#escape()
      case '*':
      case '+':
      case '?':
        throw this.#error('quantifier does not follow a repeatable item')
      default:
        return { kind: 'char', code }
    }
  }

  #dollar(): Anchor {
    if (this.#options.multiline) return 'line-end'
    return this.#options.dollarEndOnly ? 'end' : 'end-or-newline'
  }

  #group(): Regex {
    const look = /\?(<?)([=!])/y
    look.lastIndex = this.#at
    const m = look.exec(this.#text)
    if (m !== null) {
      this.#at += m[0].length
      return { kind: 'look', ahead: m[1] === '', negated: m[2] === '!', body: this.#closed() }
    }
    if (this.#skip('?:')) return { kind: 'group', capture: 0, body: this.#closed() }
    if (this.#skip('?>')) return { kind: 'atomic', body: this.#closed() }
    const named = /\?(?:P?<([A-Za-z_]\w*)>|'([A-Za-z_]\w*)')/y
    named.lastIndex = this.#at
    const name = named.exec(this.#text)
    if (name !== null) this.#at += name[0].length
    else if ('?*'.includes(this.#text[this.#at] ?? ' ')) throw this.#unsupported('this kind of group')
    const capture = ++this.#captures
    return { kind: 'group', capture, body: this.#closed() }
  }

  #closed(): Regex {
    const body = this.#alternatives()
    if (!this.#skip(')')) throw this.#error('missing closing parenthesis')
    return body
  }

  #escape(): Regex {
    const c = this.#text[this.#at]
    if (c === undefined) throw this.#error('\\ at end of pattern')
    const anchors: Readonly<Record<string, Anchor>> = {
      b: 'word-boundary',
      B: 'no-word-boundary',
      A: 'start',
      z: 'end',
      Z: 'end-or-newline',
    }
    const at = anchors[c]
    if (at !== undefined) {
      this.#at++
      return { kind: 'anchor', at }
    }
    if (c >= '1' && c <= '9') return this.#backReference()
    const item = this.#escapedItem()
    return typeof item === 'number' ? { kind: 'char', code: item } : { kind: 'set', negated: false, ranges: item }
  }

  #backReference(): Regex {
    const digits = /^\d+/.exec(this.#text.slice(this.#at))?.[0] ?? ''
    const capture = Number(digits)
    if (capture > 9 || capture > this.#captures) throw this.#unsupported('a reference forward or above 9')
    this.#at += digits.length
    return { kind: 'back-reference', capture }
  }

  /** What a backslash means inside and outside a list: one character, or a class. */
  #escapedItem(): number | readonly CodeRange[] {
    const code = this.#text.codePointAt(this.#at) ?? 0
    const c = String.fromCodePoint(code)
    this.#at += c.length
    const className = ESCAPED_CLASSES[c.toLowerCase()]
    if (className !== undefined) return classRanges(className, c !== c.toLowerCase()) ?? []
    if (c === 'h') return HORIZONTAL
    if (c === 'H') return complement(HORIZONTAL)
    const control = ESCAPED[c]
    if (control !== undefined) return control
    if (c === 'x') return this.#hex()
    if (/[A-Za-z0-9]/.test(c)) throw this.#unsupported(`\\${c}`)
    return code
  }

  #hex(): number {
    const m = /^(?:\{([0-9A-Fa-f]{1,6})\}|([0-9A-Fa-f]{0,2}))/.exec(this.#text.slice(this.#at))
    this.#at += m?.[0].length ?? 0
    const code = Number.parseInt(m?.[1] ?? (m?.[2] === '' ? '0' : (m?.[2] ?? '0')), 16)
    if (code > 0xff) throw this.#error('character code point value in \\x{} or \\o{} is too large')
    return code
  }

  #brackets(): Regex {
    const negated = this.#skip('^')
    const ranges: CodeRange[] = []
    for (let isFirst = true; ; isFirst = false) {
      if (this.#at >= this.#text.length) throw this.#error('missing terminating ] for character class')
      if (this.#text[this.#at] === ']' && !isFirst) {
        this.#at++
        return { kind: 'set', negated, ranges }
      }
      ranges.push(...this.#listItem())
    }
  }

  #listItem(): readonly CodeRange[] {
    const first = this.#listElement()
    const next = this.#text[this.#at + 1]
    const isRange = this.#text[this.#at] === '-' && next !== ']' && next !== undefined
    if (typeof first !== 'number') {
      if (isRange) throw this.#unsupported('a range that begins with a class')
      return first
    }
    if (!isRange) return [{ from: first, to: first }]
    this.#at++
    const last = this.#listElement()
    if (typeof last !== 'number') throw this.#unsupported('a range that ends with a class')
    if (first > last) throw this.#error('range out of order in character class')
    return [{ from: first, to: last }]
  }

  #listElement(): number | readonly CodeRange[] {
    const posix = /\[:(\^?)([a-z]+):\]/y
    posix.lastIndex = this.#at
    const m = posix.exec(this.#text)
    if (m !== null) {
      const ranges = classRanges(m[2] ?? '', m[1] === '^')
      if (ranges === undefined) throw this.#error('unknown POSIX class name')
      this.#at += m[0].length
      return ranges
    }
    if (this.#skip('\\')) {
      if (this.#skip('b')) return 0x08
      return this.#escapedItem()
    }
    const code = this.#text.codePointAt(this.#at) ?? 0
    this.#at += String.fromCodePoint(code).length
    return code
  }
}
