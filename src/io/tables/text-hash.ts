/** `texthash:`: a `key value` text held in memory, without an index. */
import { publish, type Clock } from '../../base/mod.ts'
import type { Table, TablesEvent } from './contract.ts'
import { TableError } from './errors.ts'
import { foldKey } from './fold.ts'
import { parseKeyValue, readTableFile, type Source } from './source.ts'
import { Watched } from './watched.ts'

/** Puts entries into a map, the first of a key counting; what is doubled is told as a warning. */
export function firstOfEach(
  source: Source,
  fold: (key: string) => string,
): { entries: Map<string, string>; doubled: { line: number; key: string }[] } {
  const entries = new Map<string, string>()
  const doubled: { line: number; key: string }[] = []
  for (const { key, value, line } of source.entries) {
    const folded = fold(key)
    if (entries.has(folded)) doubled.push({ line, key })
    else entries.set(folded, value)
  }
  return { entries, doubled }
}

/** Publishes what is wrong with a table's text, each with file and line. */
export function publishWarnings(table: string, warnings: readonly string[]): void {
  for (const text of warnings) publish({ event: 'tables.warning', table, text } satisfies TablesEvent)
}

/** `file` is where `base` leads, seen from the tables' directory. */
export function textHashTable(base: string, file: string, clock: Clock): Table {
  const name = `texthash:${base}`
  const load = (): Map<string, string> => {
    const source = parseKeyValue(readTableFile(file, name, 'open database'))
    const { entries, doubled } = firstOfEach(source, foldKey)
    publishWarnings(
      name,
      source.warnings.map((w) => `${base}, line ${w.line}: ${w.text}`),
    )
    const [twice] = doubled
    // Unlike postmap, which keeps the first, Postfix's texthash is not to be had then.
    if (twice !== undefined)
      throw new TableError('configuration', name, `${base}, line ${twice.line}: duplicate entry: "${twice.key}"`)
    return entries
  }
  const watched = new Watched([file], load, clock)
  return {
    name,
    type: 'texthash',
    fixed: true,
    get: (key) => watched.get().get(foldKey(key)),
    entries: () => watched.get(),
  }
}
