/** BODY and BODYSTRUCTURE. RFC 9051 §7.5.2, §9 `body`. */
import type { Part } from '../message/mod.ts'
import { envelopeText } from './envelope.ts'
import { nStringText, stringText } from './strings.ts'

const lower = (text: string): string => stringText(text.toLowerCase())
const list = (items: readonly string[]): string => `(${items.join(' ')})`

function parameters(pairs: readonly (readonly [string, string])[]): string {
  return pairs.length === 0 ? 'NIL' : list(pairs.flat().map(stringText))
}

function disposition(part: Part): string {
  return part.disposition === undefined || part.disposition.value === ''
    ? 'NIL'
    : list([stringText(part.disposition.value), parameters(part.disposition.parameters)])
}

function language({ language: words }: Part): string {
  if (words.length === 0) return 'NIL'
  return words.length === 1 ? stringText(words[0]!) : list(words.map(stringText))
}

/** @param extended with extension data (BODYSTRUCTURE), without it (BODY) */
export function printBodyStructure(part: Part, extended: boolean): Buffer {
  return Buffer.from(bodyText(part, extended), 'latin1')
}

/** An octet a character. */
function bodyText(part: Part, extended: boolean): string {
  return part.type === 'multipart' ? multipart(part, extended) : single(part, extended)
}

function multipart(part: Part, extended: boolean): string {
  const children = part.children.map((child) => bodyText(child, extended)).join('')
  const items = [children, lower(part.subtype)]
  if (extended) items.push(parameters(part.parameters), disposition(part), language(part), nStringText(part.location))
  return list(items)
}

const US_ASCII = [['charset', 'us-ascii']] as const

function single(part: Part, extended: boolean): string {
  const items = [
    lower(part.type),
    lower(part.subtype),
    parameters(part.type === 'text' && part.parameters.length === 0 ? US_ASCII : part.parameters),
    nStringText(part.id),
    nStringText(part.description),
    stringText(part.encoding),
    String(part.bodyTo - part.bodyFrom),
  ]
  const [embedded] = part.children
  if (part.type === 'message' && embedded !== undefined) {
    items.push(envelopeText(embedded.envelope ?? []), bodyText(embedded, extended), String(part.lines))
  } else if (part.type === 'text') items.push(String(part.lines))
  if (extended) items.push(nStringText(part.md5), disposition(part), language(part), nStringText(part.location))
  return list(items)
}
