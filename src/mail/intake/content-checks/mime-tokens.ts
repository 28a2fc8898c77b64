/** Structured values of MIME fields, cut as Postfix cuts them (header_token): lenient, three tokens at most matter. */

export interface Token {
  readonly kind: 'token' | 'quoted' | 'special'
  readonly text: string
}

/** RFC 2045 §5.1. */
const TSPECIALS = '()<>@,;:\\"/[]?='
const TOKENS_KEPT = 3

/** Tokens up to `;` or the end, comments left out, and where to go on; undefined at the end of the value. */
export function takeTokens(value: string, from: number): { tokens: Token[]; next: number } | undefined {
  if (from >= value.length) return undefined
  const tokens: Token[] = []
  let at = from
  const keep = (kind: Token['kind'], text: string): void => {
    if (tokens.length < TOKENS_KEPT) tokens.push({ kind, text })
  }
  while (at < value.length) {
    const c = value[at]!
    if (c === ';') return { tokens, next: at + 1 }
    if (c === ' ' || c === '\t' || c === '\n' || c === '\r') at++
    else if (c === '(') at = behindComment(value, at)
    else if (c === '"') {
      const end = behindQuoted(value, at)
      keep(
        'quoted',
        value.slice(at + 1, value[end - 1] === '"' && end - 1 > at ? end - 1 : end).replace(/\\(.)/gs, '$1'),
      )
      at = end
    } else if (TSPECIALS.includes(c)) {
      keep('special', c)
      at++
    } else {
      const end = behindToken(value, at)
      keep('token', value.slice(at, end))
      at = end
    }
  }
  return { tokens, next: at }
}

function behindComment(value: string, from: number): number {
  let depth = 0
  for (let at = from; at < value.length; at++) {
    if (value[at] === '\\') at++
    else if (value[at] === '(') depth++
    else if (value[at] === ')' && --depth === 0) return at + 1
  }
  return value.length
}

function behindQuoted(value: string, from: number): number {
  for (let at = from + 1; at < value.length; at++) {
    if (value[at] === '\\') at++
    else if (value[at] === '"') return at + 1
  }
  return value.length
}

function behindToken(value: string, from: number): number {
  let at = from
  while (at < value.length && !/[\s\0]/.test(value[at]!) && !TSPECIALS.includes(value[at]!)) at++
  return Math.max(at, from + 1)
}
