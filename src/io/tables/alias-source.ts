/** The text of alias tables: `name: value, value` lines; a name may stand in quotes. aliases(5). */
import { trimBlanks } from '../config/mod.ts'
import { type Source, type SourceEntry, tableLines } from './source.ts'

export function parseAliases(octets: Buffer): Source {
  const { lines, warnings } = tableLines(octets)
  const entries: SourceEntry[] = []
  const said = [...warnings]
  for (const { text, line } of lines) {
    const [, quoted, plain, rest = ''] = /^(?:"((?:[^"\\]|\\.)*)"|([^\s:"]+))\s*:([^]*)$/.exec(text) ?? []
    const key = quoted === undefined ? plain : quoted.replace(/\\(.)/g, '$1')
    const value = trimBlanks(rest)
    if (key === undefined || key === '') said.push({ line, text: 'expected format: name: value' })
    else if (value === '') said.push({ line, text: `name without a value: "${key}"` })
    else entries.push({ key, value, line })
  }
  return { entries, warnings: said.toSorted((a, b) => a.line - b.line) }
}
