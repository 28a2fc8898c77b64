/**
 * The words of addresses: atoms, quoted strings, comments, domain literals. RFC 5322 §3.2. Never throws: a quote, comment
 * or literal without an end goes up to the end of the text, as in Postfix's tok822(3).
 */

export interface Token {
  /** A `word` may hold dots; `special` is one of `< > @ , ; : ) ]`. */
  readonly kind: 'word' | 'quoted' | 'comment' | 'literal' | 'special'
  /** Unquoted; a literal without its brackets, a comment without its outer parentheses. */
  readonly text: string
  readonly from: number
  readonly to: number
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN = 0x28
const CLOSE = 0x29
const LITERAL_END = 0x5d

/** 1: ends a word and stands alone, 2: blank, 3: begins something with an end of its own; 0: part of a word. */
const CLASS = new Uint8Array(128)
for (const c of '<>@,;:)]') CLASS[c.charCodeAt(0)] = 1
for (const c of ' \t\r\n') CLASS[c.charCodeAt(0)] = 2
for (const c of '"([') CLASS[c.charCodeAt(0)] = 3

const classOf = (code: number): number => (code < 128 ? CLASS[code]! : 0)

export function tokenise(text: string): Token[] {
  const found: Token[] = []
  for (let at = 0; at < text.length;) {
    const code = text.charCodeAt(at)
    const kind = classOf(code)
    if (kind === 2) {
      at++
      continue
    }
    const token = kind === 3 ? takeEnclosed(text, at) : kind === 0 ? takeWord(text, at) : special(text, at)
    found.push(token)
    at = token.to
  }
  return found
}

function special(text: string, at: number): Token {
  return { kind: 'special', text: text[at]!, from: at, to: at + 1 }
}

/** An atom, dots and all. A backslash takes the special meaning of what follows it (RFC 822 knew that outside quotes). */
function takeWord(text: string, from: number): Token {
  let value = ''
  let plainFrom = from
  let at = from
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === BACKSLASH && at + 1 < text.length) {
      value += text.slice(plainFrom, at)
      plainFrom = ++at
    } else if (classOf(code) !== 0) break
  }
  return { kind: 'word', text: value + text.slice(plainFrom, at), from, to: at }
}

/** A quoted string, a comment (they nest; the inner ones keep their parentheses) or a domain literal. */
function takeEnclosed(text: string, from: number): Token {
  const opening = text.charCodeAt(from)
  const kind = opening === QUOTE ? 'quoted' : opening === OPEN ? 'comment' : 'literal'
  const end = kind === 'quoted' ? QUOTE : kind === 'comment' ? CLOSE : LITERAL_END
  let value = ''
  let depth = 1
  let at = from + 1
  let plainFrom = at
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === end && --depth === 0) break
    if (code === OPEN && kind === 'comment') depth++
    const escapes = code === BACKSLASH && at + 1 < text.length
    // RFC 5322 §3.2.4: the line end of a folded string is not part of it.
    if (!escapes && code !== 0x0d && code !== 0x0a) continue
    value += text.slice(plainFrom, at)
    plainFrom = at + 1
    if (escapes) at++
  }
  value += text.slice(plainFrom, at)
  return { kind, text: kind === 'comment' ? value.trim() : value, from, to: Math.min(text.length, at + 1) }
}

export function isSpecial(token: Token | undefined, text: string): boolean {
  return token?.kind === 'special' && token.text === text
}

/** A word's text where it stands in an address or a phrase. */
export function wordText(token: Token): string {
  return token.kind === 'literal' ? `[${token.text}]` : token.text
}

/** The tokens as a phrase: comments left out, a blank where blanks stood. RFC 5322 §3.2.5. */
export function phraseOf(list: readonly Token[]): string {
  let text = ''
  let end = -1
  for (const token of list) {
    if (token.kind === 'comment') continue
    if (end >= 0 && token.from > end) text += ' '
    text += wordText(token)
    end = token.to
  }
  return text
}
