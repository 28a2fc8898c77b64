/** `local@domain` from tokens, the way readers and Postfix's tok822(3) take it. RFC 5322 §3.4.1, §4.4. */
import { isSpecial, type Token, wordText } from './tokens.ts'

export interface AddrSpec {
  /** Unquoted. */
  readonly local: string
  /** A literal with its brackets; `''` where there is none. */
  readonly domain: string
  /** The first and the last token of it, in the list that was given. */
  readonly first: number
  readonly last: number
}

/** Two words belong together: nothing stands between them but a dot. RFC 5322 §4.4 lets blanks stand around it. */
function joined(left: Token, right: Token): boolean {
  return left.to === right.from || left.text.endsWith('.') || right.text.startsWith('.')
}

const isWord = (token: Token | undefined): boolean => token !== undefined && token.kind !== 'special'

/** Where the local part in front of `list[at]`, an `@`, begins. */
function startOf(list: readonly Token[], at: number): number {
  let first = at
  while (first > 0) {
    const before = list[first - 1]!
    const here = list[first]!
    // In `a@b@c`, `a:b@c` and `a)@b` the special belongs to the word that it stands at.
    const belongs = isWord(before) ? first === at || joined(before, here) : before.to === here.from
    if (!belongs) break
    first--
  }
  return first
}

/** The last of the words that begin at `at` and belong together; `at - 1` where there is none. */
function endOf(list: readonly Token[], at: number): number {
  if (!isWord(list[at])) return at - 1
  let last = at
  while (isWord(list[last + 1]) && joined(list[last]!, list[last + 1]!)) last++
  return last
}

const textOf = (list: readonly Token[]): string => list.map(wordText).join('')

/**
 * Finds the first addr-spec in `list` (without comments): the words around its last `@`, for `a@b@c` is `a@b` at c.
 * Without an `@`, words that belong together are a local part. undefined: there is none.
 */
export function findAddrSpec(list: readonly Token[]): AddrSpec | undefined {
  const at = partingAt(list)
  if (at < 0) {
    const last = endOf(list, 0)
    if (last < 0 || last !== list.length - 1) return undefined
    return { local: textOf(list), domain: '', first: 0, last }
  }
  const first = startOf(list, at)
  const last = endOf(list, at + 1)
  return { local: textOf(list.slice(first, at)), domain: textOf(list.slice(at + 1, last + 1)), first, last }
}

/** The `@` that parts local part and domain: the last of those that follow each other with only a domain between. */
function partingAt(list: readonly Token[]): number {
  let at = list.findIndex((token) => isSpecial(token, '@'))
  while (at >= 0) {
    const next = endOf(list, at + 1) + 1
    if (!isSpecial(list[next], '@')) return at
    at = next
  }
  return at
}

/** `@a,@b:` in front of an address; RFC 5322 §4.4 obs-route. Answers how many tokens it takes. */
export function routeLength(list: readonly Token[]): number {
  if (!isSpecial(list[0], '@')) return 0
  let at = 0
  for (;;) {
    if (isSpecial(list[at], '@')) {
      const last = endOf(list, at + 1)
      if (last === at) return 0
      at = last + 1
    } else if (isSpecial(list[at], ',')) at++
    else return isSpecial(list[at], ':') ? at + 1 : 0
  }
}
