/** The text of alias tables: `name: value, value` lines, a name may stand in quotes; aliases(5), postalias(1). */
import { aliasTokens, printName, printTokens } from './alias-tokens.ts'
import { type Source, type SourceEntry, tableLines } from './source.ts'

/** Reads `name: value` lines; what is none is skipped with a warning in postalias's words. */
export function parseAliases(octets: Buffer): Source {
  const { lines, warnings } = tableLines(octets)
  const entries: SourceEntry[] = []
  const said = [...warnings]
  for (const { text, line } of lines) {
    const pair = parseAlias(text)
    if (typeof pair === 'string') said.push({ line, text: pair })
    else entries.push({ ...pair, line })
  }
  return { entries, warnings: said.toSorted((a, b) => a.line - b.line) }
}

function parseAlias(text: string): { key: string; value: string } | string {
  const tokens = aliasTokens(text)
  const isSpecial = (c: string) => (t: { kind: string; text: string }) => t.kind === 'special' && t.text === c
  const colon = tokens.findIndex(isSpecial(':'))
  const name = tokens.slice(0, Math.max(0, colon))
  const value = tokens.slice(colon + 1)
  if (colon < 1 || value.length === 0 || name.some(isSpecial(','))) return 'need name:value pair'
  if (name.some(isSpecial('@'))) return 'name must be local'
  return { key: printName(name), value: printTokens(value) }
}
