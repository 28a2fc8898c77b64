/** From an expanded text to a value of the parameter's type; Postfix's messages where it refuses. */
import type { ParamSpec } from './contract.ts'
import { isBlank } from './logical-lines.ts'

/** The value does not fit its type; the caller adds file and line. */
export class ValueError extends Error {}

/** Milliseconds of one unit. */
const UNITS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

const SIZE_SUFFIXES: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }

/** Reads a time in Postfix's notation into milliseconds; undefined when it is none. */
export function parseTime(text: string, unit: ParamSpec<unknown>['unit'] = 's'): number | undefined {
  const m = /^\s*(\d+)([smhdw]?)$/i.exec(text)
  if (m === null) return undefined
  const ms = Number(m[1]) * (UNITS[(m[2] === '' ? unit : m[2])?.toLowerCase() ?? 's'] ?? 1000)
  // Postfix keeps seconds in a signed 32-bit number.
  return ms / 1000 > 0x7fff_ffff ? undefined : ms
}

/**
 * Splits a list at commas and white space; what stands in `{ … }` is kept together, with or without a word in front
 * (`inline:{a=b, c=d}`), braces included. Unbalanced braces run to the end.
 */
export function splitList(text: string): string[] {
  const items: string[] = []
  let from = -1
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    const c = text.charCodeAt(at)
    if (depth === 0 && (c === 0x2c || isBlank(c))) {
      if (from >= 0) items.push(text.slice(from, at))
      from = -1
      continue
    }
    if (from < 0) from = at
    if (c === 0x7b) depth++
    else if (c === 0x7d && depth > 0) depth--
  }
  if (from >= 0) items.push(text.slice(from))
  return items
}

function parseBool(name: string, text: string): boolean {
  const word = text.toLowerCase()
  if (word === 'yes') return true
  if (word === 'no') return false
  throw new ValueError(`bad boolean configuration: ${name} = ${text}`)
}

function parseNumber(name: string, text: string, spec: ParamSpec<unknown>): number {
  const m = /^\s*([+-]?\d+)([kKmMgG]?)$/.exec(text)
  const value = m === null ? NaN : Number(m[1]) * (SIZE_SUFFIXES[(m[2] ?? '').toLowerCase()] ?? 1)
  if (m === null || (m[2] !== '' && spec.suffixes !== true) || !Number.isSafeInteger(value))
    throw new ValueError(`bad numerical configuration: ${name} = ${text}`)
  return value
}

function checkBounds(name: string, value: number, spec: ParamSpec<unknown>): number {
  const shown = (n: number): number => (spec.kind === 'time' ? n / 1000 : n)
  if (spec.min !== undefined && value < spec.min)
    throw new ValueError(`invalid ${name} parameter value ${shown(value)} < ${shown(spec.min)}`)
  if (spec.max !== undefined && value > spec.max)
    throw new ValueError(`invalid ${name} parameter value ${shown(value)} > ${shown(spec.max)}`)
  return value
}

function parseEnum(name: string, text: string, spec: ParamSpec<unknown>): string {
  const word = text.toLowerCase()
  const found = spec.values?.find((v) => v.toLowerCase() === word)
  if (found !== undefined) return found
  throw new ValueError(`bad value: ${name} = ${text}; it can be ${spec.values?.map((v) => v || '(empty)').join(', ')}`)
}

/** The typed value of an expanded text. Throws ValueError. */
export function parseValue(name: string, text: string, spec: ParamSpec<unknown>): unknown {
  switch (spec.kind) {
    case 'string':
    case 'raw':
      return text
    case 'bool':
      return parseBool(name, text)
    case 'int':
    case 'size':
      return checkBounds(name, parseNumber(name, text, spec), spec)
    case 'time': {
      const ms = parseTime(text, spec.unit)
      if (ms === undefined) throw new ValueError(`parameter ${name}: bad time value or unit: ${text}`)
      return checkBounds(name, ms, spec)
    }
    case 'list':
      return Object.freeze(splitList(spec.values === undefined ? text : text.toLowerCase()))
    case 'enum':
      return parseEnum(name, text, spec)
    default:
      return spec.kind satisfies never
  }
}
