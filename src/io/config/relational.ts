/** `{a} == {b}` and its kin inside `${ … }`; postconf(5), and COMPATIBILITY_README for `<=level`. */

/** What is wrong with an expression; the caller adds where it stands. */
export class ExpandError extends Error {}

type Order = (left: string, right: string) => number

/** All digits on both sides: numbers, of any length. Else octet by octet, as strcmp(3). */
function compareTexts(left: string, right: string): number {
  if (/^\d+$/.test(left) && /^\d+$/.test(right)) {
    const difference = BigInt(left) - BigInt(right)
    return difference < 0n ? -1 : difference > 0n ? 1 : 0
  }
  return Buffer.compare(Buffer.from(left), Buffer.from(right))
}

/** `0`, `1`, `2`, `3.6`, `3.6.1`: a level of compatibility as three numbers. */
function parseLevel(text: string): readonly number[] {
  const m = /^(\d+)(?:\.(\d+))?(?:\.(\d+))?$/.exec(text)
  if (m === null) throw new ExpandError(`malformed compatibility level syntax: "${text}"`)
  return [Number(m[1]), Number(m[2] ?? 0), Number(m[3] ?? 0)]
}

/** Compares two compatibility levels; also what `main` needs for warnings. Throws ExpandError. */
export function compareLevels(left: string, right: string): number {
  const a = parseLevel(left)
  const b = parseLevel(right)
  for (let i = 0; i < 3; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

const TESTS: Readonly<Record<string, (order: number) => boolean>> = {
  '==': (order) => order === 0,
  '!=': (order) => order !== 0,
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>=': (order) => order >= 0,
  '>': (order) => order > 0,
}

/** A relational operator, `==` or `<=level`, and how it judges two operands. */
export interface Operator {
  readonly length: number
  holds(left: string, right: string): boolean
}

/** Reads the operator at the start of `text`. Throws ExpandError; `left` is only for its message. */
export function takeOperator(text: string, left: string): Operator {
  const symbol = /^[<>!=?+\-*/~&|%]*/.exec(text)?.[0] ?? ''
  const test = TESTS[symbol]
  if (test === undefined)
    throw new ExpandError(
      `"==" or "!=" or "<" or "<=" or ">=" or ">" expected at: "...${left}}>>>${text.slice(0, 20)}"`,
    )
  const suffix = /^\w*/.exec(text.slice(symbol.length))?.[0] ?? ''
  if (suffix !== '' && suffix !== 'level') throw new ExpandError(`bad operator suffix at: "...${symbol}>>>${suffix}"`)
  const compare: Order = suffix === 'level' ? compareLevels : compareTexts
  return { length: symbol.length + suffix.length, holds: (l, r) => test(compare(l, r)) }
}
