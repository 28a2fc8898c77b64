/**
 * Address lists of header fields: `Name <local@domain>, group: a@b, c@d;`, comments anywhere. RFC 5322 §3.4, §4.4.
 * Never throws: what cannot be read is passed over as a reader would.
 */

/** One mailbox, or the edge of a group. */
export type ListItem =
  | {
      readonly kind: 'mailbox'
      /** As it stands, encoded words and all; unquoted, comment used where there is no phrase. `''` for none. */
      readonly name: string
      /** Unquoted. */
      readonly local: string
      /** `''` where there is none. */
      readonly domain: string
      /** Where the addr-spec (or route-addr inside the brackets) stands in the text. */
      readonly from: number
      readonly to: number
    }
  | { readonly kind: 'group'; readonly name: string }
  | { readonly kind: 'end-group' }

/** Addresses of one field at the most; what follows is left out. */
export const LIST_LIMIT = 10_000

interface Token {
  readonly kind: 'word' | 'quoted' | 'comment' | 'literal' | 'special'
  /** Unquoted. */
  readonly text: string
  readonly from: number
  readonly to: number
}

const SPECIAL = '()<>[]:;@\\,"'

function tokens(text: string): Token[] {
  const found: Token[] = []
  let at = 0
  while (at < text.length) {
    const c = text[at]!
    if (c === ' ' || c === '\t' || c === '\r' || c === '\n') at++
    else if (c === '"') at = take(text, at, '"', 'quoted', found)
    else if (c === '[') at = take(text, at, ']', 'literal', found)
    else if (c === '(') at = takeComment(text, at, found)
    else if (SPECIAL.includes(c)) {
      found.push({ kind: 'special', text: c, from: at, to: at + 1 })
      at++
    } else {
      const from = at
      while (at < text.length && !SPECIAL.includes(text[at]!) && !' \t\r\n'.includes(text[at]!)) at++
      found.push({ kind: 'word', text: text.slice(from, at), from, to: at })
    }
  }
  return found
}

/** A quoted string or a domain literal; one without an end goes up to the end of the text. */
function take(text: string, from: number, end: string, kind: 'quoted' | 'literal', found: Token[]): number {
  let value = ''
  let at = from + 1
  for (; at < text.length && text[at] !== end; at++) {
    if (text[at] === '\\' && at + 1 < text.length) at++
    if (text[at] !== '\r' && text[at] !== '\n') value += text[at]
  }
  found.push({ kind, text: value, from, to: Math.min(text.length, at + 1) })
  return at + 1
}

function takeComment(text: string, from: number, found: Token[]): number {
  let depth = 1
  let value = ''
  let at = from + 1
  for (; at < text.length && depth > 0; at++) {
    const c = text[at]!
    if (c === '\\' && at + 1 < text.length) value += text[++at]!
    else if (c === '(') depth++
    else if (c === ')') depth--
    else if (c !== '\r' && c !== '\n') value += c
  }
  found.push({ kind: 'comment', text: value.trim(), from, to: at })
  return at
}

export function parseAddressList(text: string): ListItem[] {
  const items: ListItem[] = []
  let entry: Token[] = []
  let inGroup = false
  const flush = (): void => {
    const item = mailbox(entry)
    if (item !== undefined && items.length < LIST_LIMIT) items.push(item)
    entry = []
  }
  let bracket = false
  for (const token of tokens(text)) {
    const special = token.kind === 'special' ? token.text : ''
    if (special === '<') bracket = true
    else if (special === '>') bracket = false
    if (special === ',' && !bracket) flush()
    else if (special === ':' && !bracket && !inGroup) {
      items.push({ kind: 'group', name: words(entry) })
      entry = []
      inGroup = true
    } else if (special === ';' && !bracket) {
      flush()
      if (inGroup) items.push({ kind: 'end-group' })
      inGroup = false
    } else entry.push(token)
  }
  flush()
  if (inGroup) items.push({ kind: 'end-group' })
  return items
}

const words = (list: readonly Token[]): string =>
  list
    .filter((t) => t.kind !== 'comment')
    .map((t) => t.text)
    .join(' ')

function mailbox(entry: readonly Token[]): ListItem | undefined {
  const open = entry.findIndex((t) => t.kind === 'special' && t.text === '<')
  const comment = entry.findLast((t) => t.kind === 'comment')?.text ?? ''
  if (open < 0)
    return addrSpec(
      entry.filter((t) => t.kind !== 'comment'),
      comment,
    )
  const close = entry.findIndex((t, i) => i > open && t.kind === 'special' && t.text === '>')
  const inside = entry.slice(open + 1, close < 0 ? undefined : close).filter((t) => t.kind !== 'comment')
  const name = words(entry.slice(0, open))
  return addrSpec(withoutRoute(inside), name === '' ? comment : name)
}

/** `@a,@b:local@domain`. RFC 5322 §4.4. */
function withoutRoute(inside: readonly Token[]): readonly Token[] {
  if (inside[0]?.text !== '@') return inside
  const colon = inside.findIndex((t) => t.kind === 'special' && t.text === ':')
  return colon < 0 ? inside : inside.slice(colon + 1)
}

function addrSpec(parts: readonly Token[], name: string): ListItem | undefined {
  const [first] = parts
  const last = parts.at(-1)
  if (first === undefined || last === undefined) return undefined
  const at = parts.findLastIndex((t) => t.kind === 'special' && t.text === '@')
  const local = (at < 0 ? parts : parts.slice(0, at))
    .map((t) => t.text)
    .join(parts.some((t) => t.text === '.') ? '' : at < 0 ? ' ' : '')
  const domain =
    at < 0
      ? ''
      : parts
          .slice(at + 1)
          .map((t) => (t.kind === 'literal' ? `[${t.text}]` : t.text))
          .join('')
  return { kind: 'mailbox', name, local, domain, from: first.from, to: last.to }
}
