/** Making indexes beside their texts: what postmap(1) and postalias(1) do. */
import {
  chownSync,
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { dirname, resolve } from 'node:path'
import { systemText } from '#src/base/mod.ts'
import { parseAliases } from './alias-source.ts'
import { isMissing, TableError } from './errors.ts'
import { foldKey } from './fold.ts'
import { buildIndex, stampOf, type SourceStamp } from './index-format.ts'
import { INDEX_SUFFIX, INDEXED_TYPES, openIndex } from './indexed.ts'
import { parseKeyValue, readTableFile, type Source, type SourceEntry, type SourceWarning } from './source.ts'

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
  /** What a key's second entry does: the first stays with a warning, stays in silence (-w), or goes (-r). */
  readonly doubled?: 'warn' | 'ignore' | 'replace'
  /** postmap -F: a value names files; their content is stored, in base 64. */
  readonly fileContent?: boolean
  /** postmap -p: mode 0644 instead of the text's. */
  readonly defaultMode?: boolean
}

/** No text of ours: an index that was made by `postmap -i` alone. */
const NO_SOURCE: SourceStamp = { crc: 0, sizeOctets: 0, mtimeMs: 0 }

/** Indexes the text `file`; the old index is used until the new one is whole. Throws TableError. */
export function buildTable(type: string, file: string, options: BuildOptions): Built {
  requireIndexed(type, `${type}:${file}`)
  const octets = readTableFile(file, `${type}:${file}`)
  const { mode, mtimeMs } = statSync(file)
  const entries = new Map<string, string>()
  const warnings = addEntries(entries, octets, file, file + INDEX_SUFFIX, options)
  const index = toIndex(type, file, entries, stampOf(octets, mtimeMs), options)
  writeIndex(file, () => index, options.defaultMode === true ? 0o644 : mode)
  return { file: file + INDEX_SUFFIX, entries: entries.size, warnings }
}

/** `postmap -i`: adds lines (from standard input) to the index alone, as Postfix adds to its .db; the text is as it was. */
export function addToTable(type: string, file: string, lines: Buffer, options: BuildOptions): Built {
  let warnings: readonly string[] = []
  let size = 0
  editIndex(type, file, (entries) => {
    warnings = addEntries(entries, lines, 'stdin', file + INDEX_SUFFIX, options)
    size = entries.size
  })
  return { file: file + INDEX_SUFFIX, entries: size, warnings }
}

/** Changes the index alone; what it knows of its text stays. An index is made where there is none. */
export function editIndex(type: string, file: string, edit: (entries: Map<string, string>) => void): void {
  requireIndexed(type, `${type}:${file}`)
  const mode = statSync(file + INDEX_SUFFIX, { throwIfNoEntry: false })?.mode ?? 0o644
  writeIndex(
    file,
    () => {
      const { entries, source } = readEntries(type, file)
      edit(entries)
      return toIndex(type, file, entries, source, {})
    },
    mode,
  )
}

function readEntries(type: string, file: string): { entries: Map<string, string>; source: SourceStamp } {
  try {
    const { index } = openIndex(type, file)
    return { entries: new Map(index.entries()), source: index.source }
  } catch (error) {
    if (error instanceof TableError && error.cause === undefined) return { entries: new Map(), source: NO_SOURCE }
    throw error
  }
}

/** Puts a text's entries into a map; answers what is to be warned of, in the order of the lines. */
function addEntries(
  entries: Map<string, string>,
  octets: Buffer,
  source: string,
  index: string,
  options: BuildOptions,
): string[] {
  const parsed = options.aliases ? parseAliases(octets) : parseKeyValue(octets)
  const { entries: pairs, warnings } = options.fileContent === true ? withContents(parsed) : parsed
  const fold = options.keepCase === true ? (key: string) => key : foldKey
  const said: { line: number; text: string }[] = warnings.map((w) => ({
    line: w.line,
    text: `${source}, line ${w.line}: ${w.text}`,
  }))
  for (const { key, value, line } of pairs) {
    const folded = fold(key)
    if (!entries.has(folded) || options.doubled === 'replace') entries.set(folded, value)
    else if (options.doubled !== 'ignore') said.push({ line, text: `${index}: duplicate entry: "${folded}"` })
  }
  return said.sort((a, b) => a.line - b.line).map((w) => w.text)
}

/** Files named in a value, one after the other, in base 64; DATABASE_README. */
function withContents(source: Source): Source {
  const entries: SourceEntry[] = []
  const warnings: SourceWarning[] = [...source.warnings]
  for (const entry of source.entries) {
    const files = entry.value.split(/[\s,]+/).filter((f) => f !== '')
    let now = ''
    try {
      const contents = files.map((f) => readFileSync((now = f)))
      entries.push({ ...entry, value: Buffer.concat(contents).toString('base64') })
    } catch (error) {
      warnings.push({ line: entry.line, text: `open ${now}: ${systemText(error)}: skipping this entry` })
    }
  }
  return { entries, warnings }
}

function toIndex(
  type: string,
  file: string,
  entries: ReadonlyMap<string, string>,
  source: SourceStamp,
  options: Pick<BuildOptions, 'keepCase'>,
): Buffer {
  try {
    return buildIndex(entries, source, { folded: options.keepCase !== true })
  } catch (error) {
    if (error instanceof RangeError) throw new TableError('configuration', `${type}:${file}`, error.message, error)
    throw error
  }
}

function requireIndexed(type: string, table: string): void {
  if (INDEXED_TYPES.includes(type)) return
  const text = `unsupported dictionary type: ${type} does not support bulk-mode creation.`
  throw new TableError('configuration', table, text)
}

/**
 * Writes the new index beside the old one and puts it in its place, durable. The file being written is the lock: of two
 * postmaps at once the second waits, so no entry of `-i` is lost. The index may be read by whoever may read the text.
 */
function writeIndex(file: string, make: () => Buffer, mode: number): void {
  const fresh = `${file}${INDEX_SUFFIX}.new`
  const fd = openLocked(fresh)
  let isPlaced = false
  try {
    const octets = make()
    for (let at = 0; at < octets.length;) at += writeSync(fd, octets, at)
    fsyncSync(fd)
    takeOwner(file, fresh)
    renameSync(fresh, file + INDEX_SUFFIX)
    isPlaced = true
    syncDirectory(dirname(resolve(file)))
  } finally {
    closeSync(fd)
    if (!isPlaced) unlinkSync(fresh)
  }

  function openLocked(path: string): number {
    for (let waited = 0; ; waited += LOCK_STEP_MS) {
      try {
        return openSync(path, 'wx', mode & 0o777)
      } catch (error) {
        const isThere = error instanceof Error && 'code' in error && error.code === 'EEXIST'
        if (!isThere) throw new TableError('configuration', file, `open database ${path}: ${systemText(error)}`, error)
        if (isStale(path)) unlinkIfThere(path)
        else if (waited >= LOCK_LIMIT_MS)
          throw new TableError('unavailable', file, `${path} is being written by another`)
        else sleep(LOCK_STEP_MS)
      }
    }
  }
}

const LOCK_STEP_MS = 20
const LOCK_LIMIT_MS = 10_000
/** A file left by a postmap that died. */
const STALE_MS = 60_000

function isStale(path: string): boolean {
  const s = statSync(path, { throwIfNoEntry: false })
  return s !== undefined && Date.now() - s.mtimeMs > STALE_MS
}

function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path)
  } catch (error) {
    if (!isMissing(error)) throw error
  }
}

/** These are commands of a moment: waiting may block. */
function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

/** Run by root, the index belongs to the owner of the text, as with Postfix. */
function takeOwner(file: string, fresh: string): void {
  if (process.getuid?.() !== 0) return
  const text = statSync(file, { throwIfNoEntry: false })
  if (text !== undefined) chownSync(fresh, text.uid, text.gid)
}

function syncDirectory(directory: string): void {
  const fd = openSync(directory, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
