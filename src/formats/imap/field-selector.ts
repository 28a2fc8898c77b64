/** BODY[HEADER.FIELDS …] of many messages: names are looked up once a command, each header is gone through once. */
import type { Section } from './section.ts'

const CRLF = Buffer.from('\r\n')
const NAME = /^[!-9;-~]+$/
/** Spellings of names that are remembered: mail comes with any. */
const SPELLINGS_LIMIT = 500

/** The fields a section names (or all others), and the blank line that ends every header section. */
export function fieldSelector({ text, fields }: Pick<Section, 'text' | 'fields'>): (header: Buffer) => Buffer {
  const names = new Set(fields.map((name) => name.toLowerCase()))
  const wanted = text === 'HEADER.FIELDS'
  /** Whether a field is kept, by its name as it is spelt. */
  const spellings = new Map<string, boolean>()
  const isKept = (spelt: string): boolean => {
    const known = spellings.get(spelt)
    if (known !== undefined) return known
    const name = spelt.trimEnd().toLowerCase()
    const kept = NAME.test(name) && names.has(name) === wanted
    if (spellings.size < SPELLINGS_LIMIT) spellings.set(spelt, kept)
    return kept
  }
  return (header) => Buffer.concat([...keptStretches(header, isKept), CRLF])
}

/** Kept fields that follow each other are one stretch. What is no field is passed over. RFC 5322 §2.2. */
function keptStretches(header: Buffer, isKept: (spelt: string) => boolean): Buffer[] {
  const text = header.toString('latin1')
  const stretches: Buffer[] = []
  let from = -1
  let colon = -1
  for (let at = 0; at < text.length;) {
    const end = fieldEnd(text, at)
    if (colon < at) colon = endless(text.indexOf(':', at))
    const kept = colon > at && colon < end && isKept(text.slice(at, colon))
    if (kept && from < 0) from = at
    else if (!kept && from >= 0) {
      stretches.push(header.subarray(from, at))
      from = -1
    }
    at = end
  }
  if (from >= 0) stretches.push(header.subarray(from))
  return stretches
}

/** Behind the line at `at` and its continuation lines. */
function fieldEnd(text: string, at: number): number {
  let end = endless(text.indexOf('\n', at)) + 1
  for (let c = text.charCodeAt(end); c === 0x20 || c === 0x09; c = text.charCodeAt(end))
    end = endless(text.indexOf('\n', end)) + 1
  return Math.min(end, text.length)
}

const endless = (found: number): number => (found < 0 ? Number.POSITIVE_INFINITY : found)
