/** Regular expressions as a tree: what both dialects are parsed into, and what the matcher of our own runs. */

/** The pattern cannot be used; the message is the library's for the same fault where it has one. */
export class PatternError extends Error {}

/** A pattern that is right, and that only libpcre2 could run: leaving it out would change what the table means. */
export class UnsupportedPattern extends Error {}

/** Octets from `from` to `to`, both included. */
export interface CodeRange {
  readonly from: number
  readonly to: number
}

/** Where a position has to be. */
export type Anchor =
  | 'start'
  | 'end'
  /** At the end or before a newline that ends the text: Perl's `$`. */
  | 'end-or-newline'
  | 'line-start'
  /** Perl's `^` of many lines: not behind a newline that ends the text. */
  | 'inner-line-start'
  | 'line-end'
  | 'word-boundary'
  | 'no-word-boundary'
  | 'word-start'
  | 'word-end'

export type Regex =
  | { readonly kind: 'char'; readonly code: number }
  /** Any octet, a newline only if `newline`. */
  | { readonly kind: 'any'; readonly newline: boolean }
  | { readonly kind: 'set'; readonly negated: boolean; readonly ranges: readonly CodeRange[] }
  | { readonly kind: 'anchor'; readonly at: Anchor }
  /** `capture` 0: not captured. */
  | { readonly kind: 'group'; readonly capture: number; readonly body: Regex }
  | { readonly kind: 'sequence'; readonly items: readonly Regex[] }
  | { readonly kind: 'choice'; readonly branches: readonly Regex[] }
  | {
      readonly kind: 'repeat'
      readonly body: Regex
      readonly min: number
      /** Infinity for no end. */
      readonly max: number
      readonly mode: 'greedy' | 'lazy' | 'possessive'
    }
  | { readonly kind: 'back-reference'; readonly capture: number }
  | { readonly kind: 'look'; readonly ahead: boolean; readonly negated: boolean; readonly body: Regex }
  | { readonly kind: 'atomic'; readonly body: Regex }

/** A parsed pattern. */
export interface ParsedPattern {
  readonly regex: Regex
  readonly captures: number
}

const range = (from: number, to: number): CodeRange => ({ from, to })
const DIGIT = range(0x30, 0x39)
const UPPER = range(0x41, 0x5a)
const LOWER = range(0x61, 0x7a)

/** POSIX character classes in the C locale. */
export const CLASSES: Readonly<Record<string, readonly CodeRange[]>> = {
  alnum: [DIGIT, UPPER, LOWER],
  alpha: [UPPER, LOWER],
  blank: [range(0x20, 0x20), range(0x09, 0x09)],
  cntrl: [range(0, 0x1f), range(0x7f, 0x7f)],
  digit: [DIGIT],
  graph: [range(0x21, 0x7e)],
  lower: [LOWER],
  print: [range(0x20, 0x7e)],
  punct: [range(0x21, 0x2f), range(0x3a, 0x40), range(0x5b, 0x60), range(0x7b, 0x7e)],
  space: [range(0x20, 0x20), range(0x09, 0x0d)],
  upper: [UPPER],
  xdigit: [DIGIT, range(0x41, 0x46), range(0x61, 0x66)],
  /** Perl's own. */
  word: [DIGIT, UPPER, LOWER, range(0x5f, 0x5f)],
  ascii: [range(0, 0x7f)],
}

/** Patterns work on octets. */
const LAST_CODE = 0xff

/** All octets outside some ranges. */
export function complement(ranges: readonly CodeRange[]): CodeRange[] {
  const out: CodeRange[] = []
  let next = 0
  for (const r of [...ranges].sort((a, b) => a.from - b.from)) {
    if (r.from > next) out.push({ from: next, to: r.from - 1 })
    next = Math.max(next, r.to + 1)
  }
  if (next <= LAST_CODE) out.push({ from: next, to: LAST_CODE })
  return out
}

/** The name of a class to its ranges; `invert` for `\D`, `[:^digit:]`. */
export function classRanges(name: string, invert = false): readonly CodeRange[] | undefined {
  const ranges = Object.hasOwn(CLASSES, name) ? CLASSES[name] : undefined
  return ranges !== undefined && invert ? complement(ranges) : ranges
}

/** One item, or several in a row. */
export function sequence(items: readonly Regex[]): Regex {
  const [only] = items
  return items.length === 1 && only !== undefined ? only : { kind: 'sequence', items }
}

/** One branch, or several to choose from. */
export function choice(branches: readonly Regex[]): Regex {
  const [only] = branches
  return branches.length === 1 && only !== undefined ? only : { kind: 'choice', branches }
}
