/** `postmap -hq -` and `-bq -`: a message on standard input as the keys that header_checks and body_checks would get. */

/** A header field's first line: a name and a colon. RFC 5322 §2.2. */
const FIELD = /^[\x21-\x39\x3b-\x7e]+[ \t]*:/

/** Header fields with their folded lines, body lines, or both in turn. */
export function messageKeys(text: string, parts: ReadonlySet<'header' | 'body'>): string[] {
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  const header: string[] = []
  let at = 0
  for (; at < lines.length; at++) {
    const line = lines[at] ?? ''
    if (header.length > 0 && /^[ \t]/.test(line)) header.push(`${header.pop()}\n${line}`)
    else if (FIELD.test(line)) header.push(line)
    else break
  }
  return [...(parts.has('header') ? header : []), ...(parts.has('body') ? lines.slice(at) : [])]
}
