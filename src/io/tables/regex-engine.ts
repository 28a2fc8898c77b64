/**
 * A backtracking matcher of our own with a bound on its steps, so that no pattern stalls the server. Used where the
 * system has no libpcre2.
 */
import type { Anchor, CodeRange, ParsedPattern, Regex } from './regex-ast.ts'

/** Steps of one match; with about 20 million a second, a quarter of a second. */
const MAX_STEPS = 5_000_000

/** The match was given up: it took too many steps or went too deep. */
export class PatternLimit extends Error {}

/** What one match knows while it runs. Captures are pairs of positions, -1 for none. */
interface Run {
  readonly text: string
  readonly captures: Int32Array
  steps: number
}

type Next = (at: number) => boolean
/** Matches at a position, then goes on with `next`. */
type Matcher = (run: Run, at: number, next: Next) => boolean

/** Compiles a tree for repeated matching. */
export class Engine {
  readonly #match: Matcher
  readonly captures: number

  constructor(pattern: ParsedPattern, ignoreCase: boolean) {
    this.captures = pattern.captures
    this.#match = compile(pattern.regex, ignoreCase)
  }

  /** The whole match and the captures; undefined for no match. Throws PatternLimit. */
  exec(text: string, anchored = false): (string | undefined)[] | undefined {
    const run: Run = { text, captures: new Int32Array(2 * (this.captures + 1)).fill(-1), steps: 0 }
    try {
      for (let start = 0; start <= text.length; start++) {
        const isFound = this.#match(run, start, (end) => {
          run.captures[0] = start
          run.captures[1] = end
          return true
        })
        if (isFound) return results(run)
        if (anchored) return undefined
      }
    } catch (error) {
      if (error instanceof RangeError) throw new PatternLimit('the match went too deep', { cause: error })
      throw error
    }
    return undefined
  }
}

function results({ text, captures }: Run): (string | undefined)[] {
  return Array.from({ length: captures.length / 2 }, (_, i) => {
    const from = captures[2 * i] ?? -1
    return from < 0 ? undefined : text.slice(from, captures[2 * i + 1])
  })
}

function count(run: Run): void {
  if (++run.steps > MAX_STEPS) throw new PatternLimit('the match took too many steps')
}

function compile(regex: Regex, fold: boolean): Matcher {
  switch (regex.kind) {
    case 'char':
    case 'any':
    case 'set': {
      const width = single(regex, fold)
      return (run, at, next) => {
        count(run)
        const w = width(run.text, at)
        return w > 0 && next(at + w)
      }
    }
    case 'anchor': {
      const holds = anchor(regex.at)
      return (run, at, next) => holds(run.text, at) && next(at)
    }
    case 'sequence':
      return compileSequence(regex.items.map((r) => compile(r, fold)))
    case 'choice': {
      const branches = regex.branches.map((r) => compile(r, fold))
      return (run, at, next) => branches.some((b) => b(run, at, next))
    }
    case 'group':
      return compileGroup(compile(regex.body, fold), regex.capture)
    case 'repeat':
      return compileRepeat(regex, fold)
    case 'back-reference':
      return backReference(regex.capture, fold)
    case 'atomic':
      return once(compile(regex.body, fold))
    case 'look':
      return regex.ahead
        ? lookAhead(compile(regex.body, fold), regex.negated)
        : lookBehind(compile(regex.body, fold), regex.negated)
    default:
      return regex satisfies never
  }
}

/** How many UTF-16 units one character takes at a position; 0 where it does not match. */
function single(
  regex: Extract<Regex, { kind: 'char' | 'any' | 'set' }>,
  fold: boolean,
): (text: string, at: number) => number {
  const accepts = acceptor(regex, fold)
  return (text, at) => {
    const code = text.codePointAt(at)
    if (code === undefined || !accepts(code)) return 0
    return code > 0xffff ? 2 : 1
  }
}

function acceptor(regex: Extract<Regex, { kind: 'char' | 'any' | 'set' }>, fold: boolean): (code: number) => boolean {
  if (regex.kind === 'any') return regex.newline ? () => true : (code) => code !== 0x0a
  if (regex.kind === 'char') {
    const { code } = regex
    const other = otherCase(code)
    return fold ? (c) => c === code || c === other : (c) => c === code
  }
  const { ranges, negated } = regex
  return (code) => (inRanges(ranges, code) || (fold && inRanges(ranges, otherCase(code)))) !== negated
}

function inRanges(ranges: readonly CodeRange[], code: number): boolean {
  return ranges.some((r) => code >= r.from && code <= r.to)
}

/** The same letter in the other case, where that is one code point. */
function otherCase(code: number): number {
  const c = String.fromCodePoint(code)
  const lower = c.toLowerCase()
  const other = lower === c ? c.toUpperCase() : lower
  const [first, second] = Array.from(other)
  return second === undefined && first !== undefined ? (first.codePointAt(0) ?? code) : code
}

function isWord(text: string, at: number): boolean {
  const c = text.charCodeAt(at)
  return (c >= 0x30 && c <= 0x39) || (c >= 0x41 && c <= 0x5a) || (c >= 0x61 && c <= 0x7a) || c === 0x5f
}

function anchor(kind: Anchor): (text: string, at: number) => boolean {
  switch (kind) {
    case 'start':
      return (_, at) => at === 0
    case 'end':
      return (text, at) => at === text.length
    case 'end-or-newline':
      return (text, at) => at === text.length || (at === text.length - 1 && text[at] === '\n')
    case 'line-start':
      return (text, at) => at === 0 || text[at - 1] === '\n'
    case 'line-end':
      return (text, at) => at === text.length || text[at] === '\n'
    case 'word-boundary':
      return (text, at) => isWord(text, at - 1) !== isWord(text, at)
    case 'no-word-boundary':
      return (text, at) => isWord(text, at - 1) === isWord(text, at)
    case 'word-start':
      return (text, at) => !isWord(text, at - 1) && isWord(text, at)
    case 'word-end':
      return (text, at) => isWord(text, at - 1) && !isWord(text, at)
    default:
      return kind satisfies never
  }
}

function compileSequence(items: readonly Matcher[]): Matcher {
  return items.reduceRight<Matcher>(
    (rest, item) => (run, at, next) => item(run, at, (to) => rest(run, to, next)),
    (_run, at, next) => next(at),
  )
}

function compileGroup(body: Matcher, capture: number): Matcher {
  if (capture === 0) return body
  return (run, at, next) => {
    const { captures } = run
    const [from, to] = [captures[2 * capture] ?? -1, captures[2 * capture + 1] ?? -1]
    const isFound = body(run, at, (end) => {
      const [innerFrom, innerTo] = [captures[2 * capture] ?? -1, captures[2 * capture + 1] ?? -1]
      captures[2 * capture] = at
      captures[2 * capture + 1] = end
      if (next(end)) return true
      captures[2 * capture] = innerFrom
      captures[2 * capture + 1] = innerTo
      return false
    })
    if (!isFound) {
      captures[2 * capture] = from
      captures[2 * capture + 1] = to
    }
    return isFound
  }
}

/** Matches once and never comes back into it. */
function once(body: Matcher): Matcher {
  return (run, at, next) => {
    let end = -1
    const isFound = body(run, at, (to) => {
      end = to
      return true
    })
    return isFound && next(end)
  }
}

function compileRepeat(regex: Extract<Regex, { kind: 'repeat' }>, fold: boolean): Matcher {
  const { body, min, max, mode } = regex
  if (mode === 'possessive') return once(compileRepeat({ ...regex, mode: 'greedy' }, fold))
  if (mode === 'greedy' && (body.kind === 'char' || body.kind === 'any' || body.kind === 'set'))
    return repeatSingle(single(body, fold), min, max)
  const item = compile(body, fold)
  const step = (run: Run, at: number, done: number, next: Next): boolean => {
    count(run)
    const more = (): boolean =>
      done < max &&
      // A turn that matches nothing is not repeated for ever.
      item(run, at, (to) => (to === at && done >= min ? false : step(run, to, done + 1, next)))
    if (done < min) return more()
    return mode === 'lazy' ? next(at) || more() : more() || next(at)
  }
  return (run, at, next) => step(run, at, 0, next)
}

/** One character many times: counted in a loop, given back one by one, so that long texts need no deep stack. */
function repeatSingle(width: (text: string, at: number) => number, min: number, max: number): Matcher {
  return (run, from, next) => {
    const { text } = run
    let at = from
    let done = 0
    let wide = false
    for (let w = 1; done < max && (w = width(text, at)) > 0; done++) {
      count(run)
      at += w
      wide ||= w === 2
    }
    for (; done >= min; done--) {
      count(run)
      if (next(at)) return true
      at -= wide && (text.codePointAt(at - 2) ?? 0) > 0xffff ? 2 : 1
    }
    return false
  }
}

function backReference(capture: number, fold: boolean): Matcher {
  return (run, at, next) => {
    count(run)
    const from = run.captures[2 * capture] ?? -1
    if (from < 0) return false
    const wanted = run.text.slice(from, run.captures[2 * capture + 1])
    const found = run.text.slice(at, at + wanted.length)
    const isSame = fold ? wanted.toLowerCase() === found.toLowerCase() : wanted === found
    return isSame && next(at + wanted.length)
  }
}

function lookAhead(body: Matcher, negated: boolean): Matcher {
  return (run, at, next) => {
    const kept = negated ? run.captures.slice() : undefined
    const isFound = body(run, at, () => true)
    if (kept !== undefined) run.captures.set(kept)
    return isFound !== negated && next(at)
  }
}

/** Tries every start before the position; libpcre2's bodies have a fixed length, so at most one can end here. */
function lookBehind(body: Matcher, negated: boolean): Matcher {
  return (run, at, next) => {
    const kept = negated ? run.captures.slice() : undefined
    let isFound = false
    for (let from = at; from >= 0 && !isFound; from--) isFound = body(run, from, (to) => to === at)
    if (kept !== undefined) run.captures.set(kept)
    return isFound !== negated && next(at)
  }
}
