/** BODY and BODYSTRUCTURE. RFC 9051 §7.5.2, §9 `body`. */
import type { Part } from '../message/mod.ts'
import { printEnvelope } from './envelope.ts'
import { parenthesised, printNString, printString } from './strings.ts'

const NIL = Buffer.from('NIL')

const lower = (text: string): Buffer => printString(text.toLowerCase())
const number = (n: number): Buffer => Buffer.from(String(n))

function parameters(list: readonly (readonly [string, string])[]): Buffer {
  return list.length === 0
    ? NIL
    : parenthesised(list.flatMap(([name, value]) => [printString(name), printString(value)]))
}

function disposition(part: Part): Buffer {
  return part.disposition === undefined || part.disposition.value === ''
    ? NIL
    : parenthesised([printString(part.disposition.value), parameters(part.disposition.parameters)])
}

function language({ language: words }: Part): Buffer {
  if (words.length === 0) return NIL
  return words.length === 1 ? printString(words[0]!) : parenthesised(words.map((word) => printString(word)))
}

/** @param extended with extension data (BODYSTRUCTURE), without it (BODY) */
export function printBodyStructure(part: Part, extended: boolean): Buffer {
  return part.type === 'multipart' ? multipart(part, extended) : single(part, extended)
}

function multipart(part: Part, extended: boolean): Buffer {
  const children = Buffer.concat(part.children.map((child) => printBodyStructure(child, extended)))
  const items = [children, lower(part.subtype)]
  if (extended) items.push(parameters(part.parameters), disposition(part), language(part), printNString(part.location))
  return parenthesised(items)
}

function single(part: Part, extended: boolean): Buffer {
  const size = part.bodyTo - part.bodyFrom
  const fields =
    part.type === 'text' && part.parameters.length === 0 ? ([['charset', 'us-ascii']] as const) : part.parameters
  const items = [
    lower(part.type),
    lower(part.subtype),
    parameters(fields),
    printNString(part.id),
    printNString(part.description),
    printString(part.encoding),
    number(size),
  ]
  const [embedded] = part.children
  if (part.type === 'message' && embedded !== undefined) {
    items.push(printEnvelope(embedded.envelope ?? []), printBodyStructure(embedded, extended), number(part.lines))
  } else if (part.type === 'text') items.push(number(part.lines))
  if (extended) items.push(printNString(part.md5), disposition(part), language(part), printNString(part.location))
  return parenthesised(items)
}
