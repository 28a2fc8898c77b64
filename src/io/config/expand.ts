/**
 * `$name` and its larger forms, as postconf(5) has them: `${name}`, `$(name)`, `${name?value}`, `${name:value}`,
 * `${name?{a}:{b}}`, `${{a} == {b} ? {c} : {d}}`, nested. Also used for texts that are expanded at run time
 * (`rbl_reply`, pipe's arguments), where the looked-up values are not expanded again.
 */
import { isBlank } from './logical-lines.ts'
import { ExpandError, takeOperator } from './relational.ts'

export { ExpandError } from './relational.ts'

/** Postfix's bound on nested expansion: `a = $b`, `b = $a` ends here. */
const MAX_NESTING = 100

export interface ExpandOptions {
  /** The value of a name; undefined when there is none. */
  readonly lookup: (name: string) => string | undefined
  /** Whether `$` in looked-up values is expanded too. Never with data from outside. */
  readonly recurse: boolean
}

/** Expands a text. Throws ExpandError with Postfix's words. */
export function expandText(text: string, options: ExpandOptions): string {
  return text.includes('$') ? expandPart(text, options, 0) : text
}

/** The names that a text refers to at its own level and inside its forms, whether or not they would be used. */
export function namesIn(text: string): string[] {
  const names = new Set<string>()
  for (const [, name] of text.matchAll(/\$(?:\$|[({]?\s*(\w+))/g)) if (name !== undefined) names.add(name)
  return [...names]
}

function expandPart(text: string, options: ExpandOptions, depth: number): string {
  let out = ''
  for (let at = 0; ;) {
    const dollar = text.indexOf('$', at)
    if (dollar < 0) return out + text.slice(at)
    out += text.slice(at, dollar)
    if (text[dollar + 1] === '$') {
      out += '$'
      at = dollar + 2
      continue
    }
    const form = takeForm(text, dollar + 1)
    if (form.inner === '') throw new ExpandError(`empty macro name: "${text}"`)
    out += expandForm(form.inner, options, depth)
    at = form.end
  }
}

/** What stands behind `$` at `from`: `{…}` and `(…)` without their pair, or a bare name. */
function takeForm(text: string, from: number): { inner: string; end: number } {
  const open = text[from]
  if (open === '{' || open === '(') {
    const end = endOfPair(text, from, open, open === '{' ? '}' : ')')
    return { inner: text.slice(from + 1, end - 1), end }
  }
  let end = from
  while (end < text.length && isNameOctet(text.charCodeAt(end))) end++
  return { inner: text.slice(from, end), end }
}

function isNameOctet(c: number): boolean {
  return (c >= 0x30 && c <= 0x39) || (c >= 0x41 && c <= 0x5a) || (c >= 0x61 && c <= 0x7a) || c === 0x5f
}

/** Behind the bracket that closes the one at `from`. */
function endOfPair(text: string, from: number, open: string, close: string): number {
  let depth = 0
  for (let at = from; at < text.length; at++) {
    if (text[at] === open) depth++
    else if (text[at] === close && --depth === 0) return at + 1
  }
  throw new ExpandError(`truncated macro reference: "${text}"`)
}

/** The inside of one `${…}`. */
function expandForm(inner: string, options: ExpandOptions, depth: number): string {
  if (depth > MAX_NESTING) throw new ExpandError(`unreasonable macro call nesting: "${inner}"`)
  const start = skipBlanks(inner, 0)
  if (inner[start] === '{') {
    const { holds, at } = relation(inner, start, options, depth)
    const rest = inner.slice(at)
    if (rest === '') return holds ? 'true' : ''
    if (rest[0] !== '?' && rest[0] !== ':')
      throw new ExpandError(`"?" or ":" expected at: "...}>>>${rest.slice(0, 20)}"`)
    return branches(rest, holds, options, depth)
  }
  let end = start
  while (end < inner.length && isNameOctet(inner.charCodeAt(end))) end++
  const name = inner.slice(start, end)
  const at = skipBlanks(inner, end)
  const operator = inner[at]
  if (operator !== undefined && operator !== '?' && operator !== ':')
    throw new ExpandError(`attribute name syntax error at: "...${inner.slice(0, at)}>>>${inner.slice(at, at + 20)}"`)
  if (name === '') throw new ExpandError(`empty macro name: "\${${inner}}"`)
  const value = options.lookup(name)
  if (operator !== undefined) return branches(inner.slice(at), value !== undefined && value !== '', options, depth)
  if (value === undefined || !options.recurse) return value ?? ''
  return expandPart(value, options, depth + 1)
}

/** `{left} op {right}` at `start`. */
function relation(inner: string, start: number, options: ExpandOptions, depth: number): { holds: boolean; at: number } {
  const left = group(inner, start)
  const operator = takeOperator(inner.slice(left.end), left.text)
  const rightAt = skipBlanks(inner, left.end + operator.length)
  if (inner[rightAt] !== '{') {
    const symbol = inner.slice(left.end, left.end + operator.length)
    throw new ExpandError(
      `"{expression}" expected at: "...{${left.text}} ${symbol}>>>${inner.slice(rightAt, rightAt + 20)}"`,
    )
  }
  const right = group(inner, rightAt)
  const holds = operator.holds(expandPart(left.text, options, depth + 1), expandPart(right.text, options, depth + 1))
  return { holds, at: right.end }
}

/** `?{a}:{b}`, `?a`, `:{b}`, `:b`: what is chosen, expanded. Without braces a branch is all that is left. */
function branches(text: string, holds: boolean, options: ExpandOptions, depth: number): string {
  let rest = text
  let out = ''
  if (rest[0] === '?') {
    const yes = branch(rest)
    if (holds) out = expandPart(yes.text, options, depth + 1)
    rest = rest.slice(yes.end)
    if (rest !== '' && rest[0] !== ':')
      throw new ExpandError(`":" expected at: "...${yes.text}}>>>${rest.slice(0, 20)}"`)
  }
  if (rest[0] === ':') {
    const no = branch(rest)
    if (!holds) out = expandPart(no.text, options, depth + 1)
    if (no.end < rest.length)
      throw new ExpandError(`unexpected input at: "...${no.text}}>>>${rest.slice(no.end, no.end + 20)}"`)
  }
  return out
}

/** One branch behind `?` or `:`. */
function branch(text: string): { text: string; end: number } {
  const at = skipBlanks(text, 1)
  return text[at] === '{' ? group(text, at) : { text: text.slice(1), end: text.length }
}

/** `{…}` at `from`: what is inside, and where the text goes on behind it and its white space. */
function group(text: string, from: number): { text: string; end: number } {
  let depth = 0
  for (let at = from; at < text.length; at++) {
    if (text[at] === '{') depth++
    else if (text[at] === '}' && --depth === 0) return { text: text.slice(from + 1, at), end: skipBlanks(text, at + 1) }
  }
  throw new ExpandError(`unbalanced {} in attribute expression: "${text.slice(from)}"`)
}

function skipBlanks(text: string, from: number): number {
  let at = from
  while (at < text.length && isBlank(text.charCodeAt(at))) at++
  return at
}
