/**
 * Paths as they stand in MAIL and RCPT: `<local@domain>`, with the freedom that Postfix gives (no brackets, a source
 * route, blanks in front). RFC 5321 §4.1.2.
 */

/** The text is no path; the caller knows which reply that is. */
export class PathError extends Error {}

export interface Path {
  /** `local@domain` with the local part unquoted; `''` for `<>`. */
  readonly address: string
  /** The part behind the path, from its first non-blank. */
  readonly rest: string
}

const BLANK = /[ \t]/

/**
 * Takes a path from the start of `text`.
 * @param strict brackets are required (strict_rfc821_envelopes)
 */
export function takePath(text: string, strict = false): Path {
  let at = 0
  while (at < text.length && BLANK.test(text[at]!)) at++
  const bracketed = text[at] === '<'
  if (!bracketed && strict) throw new PathError('brackets are required')
  const end = pathEnd(text, bracketed ? at + 1 : at, bracketed)
  const inside = text.slice(bracketed ? at + 1 : at, end)
  const rest = text.slice(bracketed ? end + 1 : end)
  if (rest !== '' && !BLANK.test(rest[0]!)) throw new PathError('something stands behind the bracket')
  return { address: parseMailbox(inside), rest: rest.trim() }
}

/** The index of `>` (or of the first blank, without brackets) outside quotes. */
function pathEnd(text: string, from: number, bracketed: boolean): number {
  let quoted = false
  for (let i = from; i < text.length; i++) {
    const c = text[i]!
    if (c === '\\') i++
    else if (c === '"') quoted = !quoted
    else if (!quoted && (bracketed ? c === '>' : BLANK.test(c))) return i
  }
  if (bracketed || quoted) throw new PathError('the path does not end')
  return text.length
}

/** `local@domain`, source route dropped, local part unquoted. Throws PathError. */
export function parseMailbox(text: string): string {
  let at = 0
  if (text.startsWith('@')) {
    // RFC 5321 Appendix C: a source route is accepted and ignored.
    const colon = text.indexOf(':')
    if (colon < 0) throw new PathError('a source route without an address')
    at = colon + 1
  }
  let local = ''
  let quoted = false
  for (let i = at; i < text.length; i++) {
    const c = text[i]!
    if (c === '\\') {
      if (++i >= text.length) throw new PathError('a backslash at the end')
      local += text[i]
    } else if (c === '"') quoted = !quoted
    else if (!quoted && (c <= ' ' || c === '<' || c === '>' || c === '(' || c === ')' || c === ',' || c === ';')) {
      throw new PathError(`${JSON.stringify(c)} must be quoted`)
    } else if (c === '\0' || c === '\r' || c === '\n') throw new PathError('a control character')
    else if (c === '@' && !quoted && i === text.lastIndexOf('@')) return `${local}@${domainPart(text.slice(i + 1))}`
    else local += c
  }
  if (quoted) throw new PathError('a quote that does not end')
  return local
}

function domainPart(text: string): string {
  for (const c of text)
    if (c <= ' ' || c === '"' || c === '<' || c === '>' || c === '\\' || c === '\x7f')
      throw new PathError('not a domain')
  return text
}
