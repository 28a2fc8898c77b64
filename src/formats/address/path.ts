/**
 * Paths as they stand in MAIL and RCPT: `<local@domain>`, with the freedom that Postfix gives (no brackets, a source
 * route, comments, blanks in front). RFC 5321 §4.1.2. Compared with Postfix 3.7's replies; see path.test.ts.
 */
import { findAddrSpec, routeLength } from './addr-spec.ts'
import { isSpecial, type Token, tokenise } from './tokens.ts'

/** The text is no path; the caller knows which reply that is. */
export class PathError extends Error {}

export interface Path {
  /** `local@domain` with the local part unquoted; `''` for `<>`. */
  readonly address: string
  /** The part behind the path, from its first non-blank. */
  readonly rest: string
}

/** What nearly every client sends: nothing to unquote, nothing to leave out. */
const PLAIN = /^<([\w!#$%&'*+/=?^`{|}~.-]+@[\w.-]+)>(?:[ \t]+|$)/

/** Those of Unicode too (Postfix takes them): the path will stand in fields, reports, logs and on terminals. */
const CONTROL = /(?!\t)[\p{Cc}\p{Zl}\p{Zp}]/u

/**
 * Takes a path from the start of `text`.
 * @param strict RFC 5321's form and nothing else (strict_rfc821_envelopes): brackets, no comments
 */
export function takePath(text: string, strict = false): Path {
  const plain = PLAIN.exec(text)
  if (plain !== null) return { address: plain[1]!, rest: text.slice(plain[0].length).trimEnd() }
  const from = /^[ \t]*/.exec(text)![0].length
  const to = wordEnd(text, from)
  const word = text.slice(from, to)
  if (strict && !/^<[^]*>$/.test(word)) throw new PathError('brackets are required')
  return { address: parsePath(word, strict), rest: text.slice(to).trim() }
}

/** The first blank outside brackets and quotes. */
function wordEnd(text: string, from: number): number {
  let at = from
  for (; at < text.length; at++) {
    const c = text[at]
    if (c === ' ' || c === '\t') return at
    if (c === '\\') at++
    else if (c === '"') at = endOf(text, at, '"')
    else if (c === '<') at = endOf(text, at, '>')
  }
  if (at > text.length) throw new PathError('a backslash at the end')
  return at
}

function endOf(text: string, from: number, end: string): number {
  for (let at = from + 1; at < text.length; at++) {
    if (text[at] === end) return at
    if (text[at] === '\\') at++
    else if (text[at] === '"') at = endOf(text, at, '"')
  }
  throw new PathError(end === '"' ? 'a quote that does not end' : 'the path does not end')
}

/** `local@domain`, with or without brackets, source route dropped, local part unquoted. Throws PathError. */
export function parseMailbox(text: string): string {
  return parsePath(text, false)
}

function parsePath(text: string, strict: boolean): string {
  if (CONTROL.test(text)) throw new PathError('a control character')
  const all = tokenise(text)
  const unclosed = all.find((token) => isUnclosed(token, text))
  if (unclosed !== undefined) throw new PathError(`a ${unclosed.kind} that does not end`)
  const tokens = all.filter((token) => token.kind !== 'comment')
  if (strict && tokens.length !== all.length) throw new PathError('a comment')
  const inside = withoutBrackets(tokens)
  return addressOf(inside.slice(routeLength(inside)))
}

/** Postfix takes `a@b)` and `<a@[192.0.2.1>`; an end that is missing is a mistake to tell of. */
function isUnclosed({ kind, from, to }: Token, text: string): boolean {
  if (kind === 'quoted') return to - from < 2 || text[to - 1] !== '"'
  if (kind === 'literal') return text[to - 1] !== ']'
  return kind === 'comment' && text[to - 1] !== ')'
}

/** What stands within the innermost `<…>`; a name in front of it is dropped, words behind it are not allowed. */
function withoutBrackets(tokens: readonly Token[]): readonly Token[] {
  const open = tokens.findLastIndex((token) => isSpecial(token, '<'))
  const close = tokens.findIndex((token, i) => i > open && isSpecial(token, '>'))
  const end = close < 0 ? tokens.length : close
  if (tokens.slice(end).some((token) => !isSpecial(token, '>')))
    throw new PathError('something stands behind the bracket')
  if (tokens.slice(0, Math.max(0, open)).some((token) => isSpecial(token, '@') || isSpecial(token, ',')))
    throw new PathError('more than one address')
  return tokens.slice(open + 1, end)
}

function addressOf(tokens: readonly Token[]): string {
  if (tokens.length === 0) return ''
  const spec = findAddrSpec(tokens)
  if (spec === undefined || spec.first !== 0 || spec.last !== tokens.length - 1) throw new PathError('not one address')
  const { local, domain } = spec
  if (tokens.some((token) => isSpecial(token, ',') || isSpecial(token, ';'))) throw new PathError('not one address')
  const hasAt = tokens.some((token) => isSpecial(token, '@'))
  if (hasAt && domain === '') throw new PathError('no domain')
  // Departs from Postfix: `<@x>` would be a key of its tables that stands for a whole domain.
  if (hasAt && local === '') throw new PathError('no local part')
  if (/[ "\\<>]/.test(domain)) throw new PathError('not a domain')
  return hasAt ? `${local}@${domain}` : local
}
