/** The text that tables are made from: logical lines, checked for UTF-8, `key value` pairs, aliases' `name: value`. */
import { isUtf8 } from 'node:buffer'
import { readFileSync } from 'node:fs'
import { systemText } from '#src/base/mod.ts'
import { isBlank, readLogicalLines, trimBlanks, type LogicalLine } from '../config/mod.ts'
import { TableError } from './errors.ts'

/** A table's text larger than this is refused: it would not fit beside everything else. */
export const MAX_TABLE_OCTETS = 512 * 1024 * 1024

/** Something in a table's text that is skipped or doubtful, in Postfix's words. */
export interface SourceWarning {
  readonly line: number
  readonly text: string
}

/** A key and its value, and where they stand. */
export interface SourceEntry {
  readonly key: string
  readonly value: string
  readonly line: number
}

export interface Source {
  readonly entries: readonly SourceEntry[]
  readonly warnings: readonly SourceWarning[]
}

/** Reads a table's file whole. Throws TableError with `open FILE: …`. */
export function readTableFile(file: string, table: string, verb = 'open'): Buffer {
  try {
    const octets = readFileSync(file)
    if (octets.length <= MAX_TABLE_OCTETS) return octets
  } catch (error) {
    throw new TableError('configuration', table, `${verb} ${file}: ${systemText(error)}`, error)
  }
  throw new TableError('configuration', table, `${verb} ${file}: File too large`)
}

export interface TableLines {
  readonly lines: readonly LogicalLine[]
  readonly warnings: readonly SourceWarning[]
}

/** Logical lines as text. Lines that are not UTF-8 are left out with a warning, as Postfix does with SMTPUTF8 on. */
export function tableLines(octets: Buffer): TableLines {
  if (isUtf8(octets)) {
    const { lines, stray } = readLogicalLines(octets.toString('utf8'))
    return { lines, warnings: stray.map(strayWarning) }
  }
  // Octet by octet, so that one bad line costs only itself.
  const { lines, stray } = readLogicalLines(octets.toString('latin1'))
  const good: LogicalLine[] = []
  const warnings = stray.map(strayWarning)
  for (const line of lines) {
    const text = Buffer.from(line.text, 'latin1')
    if (isUtf8(text)) good.push({ ...line, text: text.toString('utf8') })
    else {
      const shown = line.text.replace(/[^\x20-\x7e]/g, '?')
      warnings.push({ line: line.line, text: `non-UTF-8 input "${shown}" -- ignoring this line` })
    }
  }
  return { lines: good, warnings: warnings.sort((a, b) => a.line - b.line) }
}

function strayWarning(line: LogicalLine): SourceWarning {
  const shown = line.text.length > 30 ? `${line.text.slice(0, 30)}...` : line.text
  return { line: line.line, text: `logical line must not start with whitespace: "${shown}"` }
}

/** `key value` lines, as postmap(1) reads them. */
export function parseKeyValue(octets: Buffer): Source {
  const { lines, warnings } = tableLines(octets)
  const entries: SourceEntry[] = []
  const said = [...warnings]
  for (const { text, line } of lines) {
    const end = endOfKey(text)
    const key = text.slice(0, end)
    const value = trimBlanks(text.slice(end))
    if (value === '') {
      said.push({ line, text: 'expected format: key whitespace value' })
      continue
    }
    if (key.endsWith(':')) said.push({ line, text: 'record is in "key: value" format; is this an alias file?' })
    entries.push({ key, value, line })
  }
  return { entries, warnings: said.sort((a, b) => a.line - b.line) }
}

/** The key ends at the first white space outside quotes; the quotes belong to it. */
function endOfKey(text: string): number {
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    const c = text.charCodeAt(at)
    if (c === 0x22) quoted = !quoted
    else if (c === 0x5c) at++
    else if (!quoted && isBlank(c)) return at
  }
  return text.length
}
