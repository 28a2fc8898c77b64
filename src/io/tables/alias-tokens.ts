/** The words of an alias line, read as RFC 822 §3.3 has them and printed in one form: postalias(1) stores them so. */

interface Token {
  /** `word`, quoted or not; `quoted` is told apart for names; a comment and a domain literal stay as they are. */
  readonly kind: 'word' | 'quoted' | 'comment' | 'literal' | 'special'
  /** Without quotes and backslashes for words; with their brackets for the others. */
  readonly text: string
}

const SPECIALS = '()<>@,;:\\".[]'

/** Cuts a text into tokens. What is not closed is closed at its end. */
export function aliasTokens(text: string): Token[] {
  const tokens: Token[] = []
  for (let at = 0; at < text.length;) {
    const c = text[at] ?? ''
    if (isSpace(c)) {
      at++
      continue
    }
    const [token, end] = takeToken(text, at, c)
    tokens.push(token)
    at = end
  }
  return tokens
}

function isSpace(c: string): boolean {
  return c === ' ' || (c >= '\t' && c <= '\r')
}

function takeToken(text: string, at: number, c: string): [Token, number] {
  if (c === '"') {
    const { inner, end } = takeUntil(text, at + 1, '"')
    return [{ kind: 'quoted', text: inner }, end]
  }
  if (c === '(') {
    const end = endOfComment(text, at)
    return [{ kind: 'comment', text: text.slice(at, end) }, end]
  }
  if (c === '[') {
    const { end } = takeUntil(text, at + 1, ']')
    return [{ kind: 'literal', text: text.slice(at, end) }, end]
  }
  if (c !== '\\' && SPECIALS.includes(c)) return [{ kind: 'special', text: c }, at + 1]
  return takeAtom(text, at)
}

function takeAtom(text: string, from: number): [Token, number] {
  let atom = ''
  let at = from
  for (; at < text.length; at++) {
    const c = text[at] ?? ''
    if (c === '\\') atom += text[++at] ?? ''
    else if (isSpace(c) || SPECIALS.includes(c)) break
    else atom += c
  }
  return [{ kind: 'word', text: atom }, at]
}

function takeUntil(text: string, from: number, close: string): { inner: string; end: number } {
  let inner = ''
  let at = from
  for (; at < text.length && text[at] !== close; at++) {
    if (text[at] === '\\') at++
    inner += text[at] ?? ''
  }
  return { inner, end: Math.min(at + 1, text.length) }
}

/** Comments nest. */
function endOfComment(text: string, from: number): number {
  let depth = 0
  for (let at = from; at < text.length; at++) {
    const c = text[at]
    if (c === '\\') at++
    else if (c === '(') depth++
    else if (c === ')' && --depth === 0) return at + 1
  }
  return text.length
}

/** Prints tokens as a value is stored: words that need quotes get them, one blank where two words meet, `, ` for a comma. */
export function printTokens(tokens: readonly Token[]): string {
  return join(tokens, (t) => {
    if (t.kind === 'quoted' || (t.kind === 'word' && needsQuotes(t.text)))
      return `"${t.text.replace(/["\\]/g, '\\$&')}"`
    return t.text
  })
}

/** Prints tokens as a name is looked up: without quotes. */
export function printName(tokens: readonly Token[]): string {
  return join(tokens, (t) => t.text)
}

function join(tokens: readonly Token[], print: (t: Token) => string): string {
  let out = ''
  let before: Token | undefined
  for (const token of tokens) {
    // `|"/usr/bin/prog arg"` stays one command.
    const follows = before !== undefined && before.kind !== 'special' && before.text !== '|'
    if (follows && (token.kind !== 'special' || token.text === '<')) out += ' '
    out += print(token)
    if (token.kind === 'special' && token.text === ',') out += ' '
    before = token
  }
  return out
}

function needsQuotes(word: string): boolean {
  for (const c of word) if (isSpace(c) || SPECIALS.includes(c) || c < ' ') return true
  return word === ''
}
