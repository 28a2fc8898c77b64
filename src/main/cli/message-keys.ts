/** `postmap -hq -` and `-bq -`: a message on standard input as the keys that header_checks and body_checks would get. */
import { type CheckReport, type ContentChecks, MessageChecks } from '../../mail/intake/mod.ts'

/** A header field's first line: a name and a colon. RFC 5322 §2.2. */
const FIELD = /^[\x21-\x39\x3b-\x7e]+[ \t]*:/

/** Header fields with their folded lines, body lines, or both in turn. */
export function messageKeys(text: string, parts: ReadonlySet<'header' | 'body'>): string[] {
  const { header, body } = cut(text)
  return [...(parts.has('header') ? header : []), ...(parts.has('body') ? body : [])]
}

/** The body begins with the empty line, where there is one. */
function cut(text: string): { readonly header: readonly string[]; readonly body: readonly string[] } {
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
  return { header, body: lines.slice(at) }
}

/** The same with -m: header fields of MIME parts count as such, not as body lines. */
export async function mimeKeys(text: string, parts: ReadonlySet<'header' | 'body'>): Promise<string[]> {
  const keys: string[] = []
  const list = (part: 'header' | 'body'): NonNullable<ContentChecks['lists']['body']> => ({
    name: part,
    get(key: string): undefined {
      if (parts.has(part)) keys.push(key)
      return undefined
    },
  })
  const fields = list('header')
  const checks: ContentChecks = {
    lists: { header: fields, mime: fields, nested: fields, body: list('body') },
    strict: { nesting: false, header8bit: false, body8bit: false, encodingDomain: false },
    mime: true,
    to7bit: false,
    header_size_limit: UNBOUNDED,
    body_checks_size_limit: UNBOUNDED,
    line_length_limit: UNBOUNDED,
    mime_nesting_limit: 100,
    mime_boundary_length_limit: 2048,
    actions: 'cleanup',
  }
  const message = new MessageChecks(checks, SILENT)
  const { header, body } = cut(text)
  const wire = (lines: readonly string[]): Buffer =>
    Buffer.from(lines.map((line) => `${line.replaceAll('\n', '\r\n')}\r\n`).join(''))
  const separated = body[0] === ''
  await message.write(wire(separated ? [...header, ''] : header))
  if (separated && parts.has('body')) keys.push('')
  await message.write(wire(separated ? body.slice(1) : body))
  await message.end()
  return keys
}

/** Standard input is read whole already. */
const UNBOUNDED = Number.MAX_SAFE_INTEGER

const nothing = (): void => {}
const SILENT: CheckReport = { log: nothing, mimeError: nothing, lookupFailed: nothing, warn: nothing }
