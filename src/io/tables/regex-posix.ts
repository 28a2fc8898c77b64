/** POSIX regular expressions, extended and basic, with GNU's additions, as glibc's regcomp(3) takes them. */
import { choice, CLASSES, PatternError, sequence, type CodeRange, type ParsedPattern, type Regex } from './regex-ast.ts'

export interface PosixOptions {
  readonly extended: boolean
  /** REG_NEWLINE: `^` and `$` at every newline; `.` and negated lists do not match one. */
  readonly newline: boolean
}

/** RE_DUP_MAX. */
const MAX_REPEAT = 32_767
/** Brackets in brackets, and repetitions of repetitions, no deeper than this. */
const MAX_DEPTH = 200

/** Parses a pattern. Throws PatternError with glibc's words. */
export function parsePosix(text: string, options: PosixOptions): ParsedPattern {
  return new PosixParser(text, options).parse()
}

class PosixParser {
  readonly #chars: readonly string[]
  readonly #extended: boolean
  readonly #newline: boolean
  #at = 0
  #captures = 0
  #depth = 0

  constructor(text: string, options: PosixOptions) {
    this.#chars = Array.from(text)
    this.#extended = options.extended
    this.#newline = options.newline
  }

  parse(): ParsedPattern {
    const regex = this.#alternatives()
    if (this.#at < this.#chars.length) throw new PatternError('Unmatched ( or \\(') // `\)` alone; `)` is ordinary
    return { regex, captures: this.#captures }
  }

  /** Whether an operator stands here: bare in extended syntax, behind a backslash in basic; GNU has all in both. */
  #isOperator(op: string): boolean {
    return this.#extended
      ? this.#chars[this.#at] === op
      : this.#chars[this.#at] === '\\' && this.#chars[this.#at + 1] === op
  }

  #skipOperator(op: string): boolean {
    if (!this.#isOperator(op)) return false
    this.#at += this.#extended ? 1 : 2
    return true
  }

  #alternatives(): Regex {
    if (++this.#depth > MAX_DEPTH) throw new PatternError('Regular expression too big')
    const branches = [this.#branch()]
    while (this.#skipOperator('|')) branches.push(this.#branch())
    this.#depth--
    return choice(branches)
  }

  #branch(): Regex {
    const items: Regex[] = []
    while (this.#at < this.#chars.length && !this.#isOperator('|')) {
      // An extended `)` with nothing open is ordinary.
      if (this.#isOperator(')') && (this.#depth > 1 || !this.#extended)) break
      items.push(this.#repeated(this.#atom(items.length === 0), items.at(-1)))
    }
    return sequence(items)
  }

  #repeated(atom: Regex, before: Regex | undefined): Regex {
    let item = atom
    // Basic: a `*` behind an anchor that begins the expression was taken as itself.
    const mayRepeat = this.#extended || item.kind !== 'anchor' || before !== undefined
    if (!mayRepeat) return item
    let depth = 0
    for (let bounds = this.#bounds(); bounds !== undefined; bounds = this.#bounds()) {
      if (++depth > MAX_DEPTH) throw new PatternError('Regular expression too big')
      if (item.kind === 'anchor' && this.#extended) throw new PatternError('Invalid preceding regular expression')
      item = { kind: 'repeat', body: item, min: bounds[0], max: bounds[1], mode: 'greedy' }
      if (!this.#extended && this.#chars[this.#at] === '*')
        throw new PatternError('Invalid preceding regular expression')
    }
    return item
  }

  #bounds(): readonly [number, number] | undefined {
    if (this.#chars[this.#at] === '*') {
      this.#at++
      return [0, Infinity]
    }
    if (this.#skipOperator('+')) return [1, Infinity]
    if (this.#skipOperator('?')) return [0, 1]
    return this.#skipOperator('{') ? this.#interval() : undefined
  }

  /** `{m}`, `{m,}`, `{m,n}`, `{,n}` behind its brace. */
  #interval(): readonly [number, number] {
    const close = this.#extended ? '}' : '\\}'
    const text = this.#upTo(close)
    if (text === undefined) throw new PatternError('Unmatched \\{')
    const m = /^(\d*)(?:(,)(\d*))?$/.exec(text)
    if (m === null || (m[1] === '' && m[2] === undefined)) throw new PatternError('Invalid content of \\{\\}')
    const min = Number(m[1])
    const max = m[2] === undefined ? min : m[3] === '' ? Infinity : Number(m[3])
    if (min > MAX_REPEAT || (max !== Infinity && max > MAX_REPEAT)) throw new PatternError('Regular expression too big')
    if (min > max) throw new PatternError('Invalid content of \\{\\}')
    this.#at += text.length + close.length // digits and a comma
    return [min, max]
  }

  /** What stands in front of the next `end`, without moving: no more of the pattern is looked at, however often it is asked. */
  #upTo(end: string): string | undefined {
    for (let at = this.#at; at < this.#chars.length; at++)
      if (end.startsWith(this.#chars[at] ?? '') && (end.length === 1 || this.#chars[at + 1] === end[1]))
        return this.#chars.slice(this.#at, at).join('')
    return undefined
  }

  #atom(isFirst: boolean): Regex {
    if (this.#skipOperator('(')) return this.#group()
    const c = this.#chars[this.#at++] ?? ''
    switch (c) {
      case '.':
        return { kind: 'any', newline: !this.#newline }
      case '[':
        return this.#brackets()
      case '\\':
        return this.#escape()
      case '^':
        if (this.#extended || isFirst) return { kind: 'anchor', at: this.#newline ? 'line-start' : 'start' }
        break
      case '$':
        if (this.#extended || this.#isBranchEnd()) return { kind: 'anchor', at: this.#newline ? 'line-end' : 'end' }
        break
      case '*':
        if (this.#extended) throw new PatternError('Invalid preceding regular expression')
        break
      case '+':
      case '?':
      case '{':
        if (this.#extended) throw new PatternError('Invalid preceding regular expression')
        break
    }
    return charOf(c)
  }

  #isBranchEnd(): boolean {
    return this.#at >= this.#chars.length || this.#isOperator(')') || this.#isOperator('|')
  }

  #group(): Regex {
    const capture = ++this.#captures
    const body = this.#alternatives()
    if (!this.#skipOperator(')')) throw new PatternError('Unmatched ( or \\(')
    return { kind: 'group', capture, body }
  }

  /** Behind a backslash. What has no meaning stands for itself. */
  #escape(): Regex {
    const c = this.#chars[this.#at++]
    switch (c) {
      case undefined:
        throw new PatternError('Trailing backslash')
      case 'w':
      case 'W':
        return { kind: 'set', negated: c === 'W', ranges: CLASSES['word'] ?? [] }
      case 's':
      case 'S':
        return { kind: 'set', negated: c === 'S', ranges: CLASSES['space'] ?? [] }
      case 'b':
        return { kind: 'anchor', at: 'word-boundary' }
      case 'B':
        return { kind: 'anchor', at: 'no-word-boundary' }
      case '<':
        return { kind: 'anchor', at: 'word-start' }
      case '>':
        return { kind: 'anchor', at: 'word-end' }
      case '`':
        return { kind: 'anchor', at: 'start' }
      case "'":
        return { kind: 'anchor', at: 'end' }
      case '{':
        if (!this.#extended) throw new PatternError('Invalid preceding regular expression')
        return charOf(c)
    }
    if (!/^[1-9]$/.test(c)) return charOf(c)
    if (Number(c) > this.#captures) throw new PatternError('Invalid back reference')
    return { kind: 'back-reference', capture: Number(c) }
  }

  /** A list behind `[`. Backslashes are ordinary in it. */
  #brackets(): Regex {
    const negated = this.#chars[this.#at] === '^'
    if (negated) this.#at++
    const ranges: CodeRange[] = []
    for (let isFirst = true; ; isFirst = false) {
      const c = this.#chars[this.#at]
      if (c === undefined) throw new PatternError('Unmatched [, [^, [:, [., or [=')
      if (c === ']' && !isFirst) {
        this.#at++
        break
      }
      ranges.push(...this.#listItem())
    }
    if (negated && this.#newline) ranges.push({ from: 0x0a, to: 0x0a })
    return { kind: 'set', negated, ranges }
  }

  #listItem(): readonly CodeRange[] {
    const first = this.#listElement()
    const isRange =
      this.#chars[this.#at] === '-' && this.#chars[this.#at + 1] !== ']' && this.#at + 1 < this.#chars.length
    if (!isRange) return typeof first === 'number' ? [{ from: first, to: first }] : first
    this.#at++
    const last = this.#listElement()
    if (typeof first !== 'number' || typeof last !== 'number' || first > last)
      throw new PatternError('Invalid range end')
    return [{ from: first, to: last }]
  }

  /** One character, or a class. */
  #listElement(): number | readonly CodeRange[] {
    const c = this.#chars[this.#at] ?? ''
    const kind = this.#chars[this.#at + 1] ?? ''
    this.#at++
    if (c !== '[' || !':.='.includes(kind) || kind === '') return c.codePointAt(0) ?? 0
    this.#at++
    const name = this.#upTo(`${kind}]`)
    if (name === undefined) throw new PatternError('Unmatched [, [^, [:, [., or [=')
    this.#at += Array.from(name).length + 2
    if (kind === ':') {
      const ranges = name === 'word' || name === 'ascii' || !Object.hasOwn(CLASSES, name) ? undefined : CLASSES[name]
      if (ranges === undefined) throw new PatternError('Invalid character class name')
      return ranges
    }
    if (Array.from(name).length !== 1) throw new PatternError('Invalid collation character')
    return name.codePointAt(0) ?? 0
  }
}

function charOf(c: string): Regex {
  return { kind: 'char', code: c.codePointAt(0) ?? 0 }
}
