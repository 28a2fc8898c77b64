/** Making indexes beside their texts: what postmap(1) and postalias(1) do. */
import { renameSync, statSync, writeFileSync } from 'node:fs'
import { parseAliases } from './alias-source.ts'
import { TableError } from './errors.ts'
import { foldKey } from './fold.ts'
import { buildIndex, stampOf } from './index-format.ts'
import { INDEX_SUFFIX, INDEXED_TYPES, openIndex } from './indexed.ts'
import { parseKeyValue, readTableFile } from './source.ts'
import { firstOfEach } from './text-hash.ts'

export interface Built {
  readonly file: string
  readonly entries: number
  /** With file and line, in Postfix's words. */
  readonly warnings: readonly string[]
}

export interface BuildOptions {
  /** `name: value` lines, as aliases(5). */
  readonly aliases: boolean
  /** postmap -f: keys keep their letter case. */
  readonly keepCase?: boolean
}

/** Indexes the text `file`; the old index is used until the new one is whole. Throws TableError. */
export function buildTable(type: string, file: string, { aliases, keepCase = false }: BuildOptions): Built {
  const table = `${type}:${file}`
  requireIndexed(type, table)
  const octets = readTableFile(file, table)
  const source = aliases ? parseAliases(octets) : parseKeyValue(octets)
  const { entries, doubled } = firstOfEach(source, keepCase ? (key) => key : foldKey)
  const { mode, mtimeMs } = statSync(file)
  writeIndex(file, buildIndex(entries, stampOf(octets, mtimeMs), { folded: !keepCase }), mode)
  const warnings = [
    ...source.warnings.map(({ line, text }) => `${file}, line ${line}: ${text}`),
    ...doubled.map(({ line, key }) => `${file}, line ${line}: duplicate entry: "${key}"`),
  ]
  return { file: file + INDEX_SUFFIX, entries: entries.size, warnings }
}

/** `postmap -i` and `-d`: changes the index alone, as Postfix changes its .db; the text is as it was. */
export function editIndex(type: string, file: string, edit: (entries: Map<string, string>) => void): void {
  requireIndexed(type, `${type}:${file}`)
  const { index } = openIndex(type, file)
  const entries = new Map(index.entries())
  edit(entries)
  const { mode } = statSync(index === undefined ? file : file + INDEX_SUFFIX, { throwIfNoEntry: false }) ?? {
    mode: 0o644,
  }
  writeIndex(file, buildIndex(entries, index.source, { folded: true }), mode)
}

function requireIndexed(type: string, table: string): void {
  if (INDEXED_TYPES.includes(type)) return
  throw new TableError('configuration', table, `${type} tables have no index`)
}

/** The index may be read by whoever may read the text. */
function writeIndex(file: string, octets: Buffer, mode: number): void {
  const fresh = `${file}${INDEX_SUFFIX}.${process.pid}`
  writeFileSync(fresh, octets, { mode: mode & 0o777 })
  renameSync(fresh, file + INDEX_SUFFIX)
}
