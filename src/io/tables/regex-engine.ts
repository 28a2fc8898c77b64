/**
 * A backtracking matcher of our own with a bound on its steps, so that no pattern stalls the server. Used where the
 * system has no libpcre2. Texts are octets, one character each.
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
      const accepts = acceptor(regex, fold)
      return (run, at, next) => {
        count(run)
        return at < run.text.length && accepts(run.text.charCodeAt(at)) && next(at + 1)
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

/** The same ASCII letter in the other case; everything else is itself. */
function otherCase(code: number): number {
  const isLetter = (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a)
  return isLetter ? code ^ 0x20 : code
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
    case 'inner-line-start':
      return (text, at) => at === 0 || (text[at - 1] === '\n' && at < text.length)
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
    return repeatSingle(acceptor(body, fold), min, max)
  const item = compile(body, fold)
  const step = (run: Run, at: number, done: number, next: Next): boolean => {
    count(run)
    const turn = (to: number): boolean => {
      // A turn that matches nothing is the last: more of them would match nothing for ever.
      const isLast = to === at && done + 1 >= min
      return isLast ? next(to) : step(run, to, done + 1, next)
    }
    const more = (): boolean => done < max && item(run, at, turn)
    if (done < min) return more()
    return mode === 'lazy' ? next(at) || more() : more() || next(at)
  }
  return (run, at, next) => step(run, at, 0, next)
}

/** One character many times: counted in a loop, given back one by one, so that long texts need no deep stack. */
function repeatSingle(accepts: (code: number) => boolean, min: number, max: number): Matcher {
  return (run, from, next) => {
    const { text } = run
    let at = from
    while (at < text.length && at - from < max && accepts(text.charCodeAt(at))) {
      count(run)
      at++
    }
    for (; at - from >= min; at--) {
      count(run)
      if (next(at)) return true
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
