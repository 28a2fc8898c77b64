/** A command line: the verb and what follows it. RFC 5321 §4.1.1. */
import { isUtf8 } from 'node:buffer'

export interface CommandLine {
  /** In capitals; `''` for a line without one. */
  readonly verb: string
  /** What follows the verb, blanks around it removed. */
  readonly rest: string
  /** The whole line, blanks around it removed: for the log. */
  readonly text: string
}

const isBlank = (c: number): boolean => c === 0x20 || (c >= 0x09 && c <= 0x0d)

/** The line's octets as text; undefined for what is no UTF-8 (RFC 6531 §3.1). ASCII, the common case, is not decoded. */
export function lineText(line: Buffer): string | undefined {
  for (let i = 0; i < line.length; i++) if (line[i]! > 0x7f) return isUtf8(line) ? line.toString() : undefined
  return line.toString('latin1')
}

/** Blanks in front of the verb are skipped, as Postfix does. */
export function parseCommand(line: string): CommandLine {
  let from = 0
  let to = line.length
  while (from < to && isBlank(line.charCodeAt(from))) from++
  while (to > from && isBlank(line.charCodeAt(to - 1))) to--
  let end = from
  while (end < to && !isBlank(line.charCodeAt(end))) end++
  let rest = end
  while (rest < to && isBlank(line.charCodeAt(rest))) rest++
  const verb = line.slice(from, end).toUpperCase()
  return { verb, rest: line.slice(rest, to), text: line.slice(from, to) }
}

/**
 * What follows `FROM:` or `TO:`; undefined where that is not what the argument begins with, or nothing follows.
 * Blanks behind the colon are no part of it (RFC 5321 §3.3 forbids them, and many clients send them).
 */
export function pathArgument(rest: string, word: 'FROM' | 'TO'): string | undefined {
  const colon = word.length
  if (rest[colon] !== ':' || rest.slice(0, colon).toUpperCase() !== word) return undefined
  const argument = rest.slice(colon + 1).trimStart()
  return argument === '' ? undefined : argument
}
