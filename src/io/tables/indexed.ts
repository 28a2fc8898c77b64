/**
 * `hash:`, `btree:`, `lmdb:`, `cdb:`, `dbm:`: tables with an index beside the text. Postigo's own index decides; where
 * there is none, the one that Postfix's postmap made is read as it is. A text that was edited and not indexed waits.
 */
import { readFileSync, statSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { systemText } from '#src/base/mod.ts'
import { publish, type Clock } from '../../base/mod.ts'
import { readBerkeley } from './berkeley.ts'
import { readCdb } from './cdb.ts'
import type { Table, TablesEvent } from './contract.ts'
import { isMissing, TableError } from './errors.ts'
import { foldKey } from './fold.ts'
import { buildIndex, Index, readStamp } from './index-format.ts'
import { readLmdb } from './lmdb.ts'
import { Watched } from './watched.ts'

/** The suffix of Postigo's own index. */
export const INDEX_SUFFIX = '.postigo'

interface Foreign {
  readonly suffix: string
  readonly read: (octets: Buffer) => Map<string, string>
}

/** What Postfix's postmap leaves beside a text, by table type. */
const FOREIGN: Readonly<Record<string, Foreign | undefined>> = {
  hash: { suffix: '.db', read: readBerkeley },
  btree: { suffix: '.db', read: readBerkeley },
  lmdb: { suffix: '.lmdb', read: readLmdb },
  cdb: { suffix: '.cdb', read: readCdb },
  dbm: undefined,
}

/** Types whose tables postmap builds. */
export const INDEXED_TYPES: readonly string[] = Object.keys(FOREIGN)

/** How a text stands to its index. */
export type IndexState =
  | { readonly state: 'current' | 'no-text' }
  /** The text changed since; the index decides. */
  | { readonly state: 'outdated'; readonly index: string }
  | { readonly state: 'missing'; readonly index: string }

interface Opened {
  readonly index: Index
  /** The file it came from. */
  readonly file: string
  /** Whether it was made by Postfix. */
  readonly foreign: boolean
}

/** Opens a table by the name of its text file. */
export function indexedTable(type: string, file: string, clock: Clock): Table {
  const name = `${type}:${file}`
  const files = [file + INDEX_SUFFIX, ...foreignFiles(type, file)]
  const index = new Watched(files, () => openIndex(type, file), clock)
  let told = ''
  // The text is looked at as often as the index, and told of once a change.
  const text = new Watched([file, ...files], () => indexState(type, file), clock)
  const tell = (): void => {
    const state = text.get()
    if (state.state !== 'outdated') told = ''
    else if (told !== state.index) {
      told = state.index
      const event: TablesEvent = {
        event: 'tables.outdated',
        table: name,
        text: `database ${state.index} is older than source file ${file}`,
      }
      publish(event)
    }
  }
  return {
    name,
    type,
    fixed: true,
    get(key) {
      const opened = index.get()
      tell()
      return opened.index.get(foldKey(key))
    },
    entries: () => index.get().index.entries(),
  }
}

function foreignFiles(type: string, file: string): string[] {
  const foreign = FOREIGN[type]
  return foreign === undefined ? [] : [file + foreign.suffix]
}

/** The index that decides. Throws TableError, `open database FILE.db: No such file or directory` where there is none. */
export function openIndex(type: string, file: string): Opened {
  const table = `${type}:${file}`
  const own = readIfThere(file + INDEX_SUFFIX, table)
  if (own !== undefined)
    return { index: parse(own, file + INDEX_SUFFIX, table), file: file + INDEX_SUFFIX, foreign: false }
  const foreign = FOREIGN[type]
  const path = file + (foreign?.suffix ?? INDEX_SUFFIX)
  const octets = foreign === undefined ? undefined : readIfThere(path, table)
  if (octets === undefined || foreign === undefined)
    throw new TableError('configuration', table, `open database ${path}: No such file or directory`)
  try {
    const entries = foreign.read(octets)
    const index = new Index(buildIndex(entries, { crc: 0, sizeOctets: 0, mtimeMs: 0 }, { folded: true }))
    return { index, file: path, foreign: true }
  } catch (error) {
    throw new TableError('configuration', table, `open database ${path}: ${systemText(error)}`, error)
  }
}

function parse(octets: Buffer, file: string, table: string): Index {
  try {
    return new Index(octets)
  } catch (error) {
    throw new TableError('configuration', table, `open database ${file}: ${systemText(error)}`, error)
  }
}

function readIfThere(file: string, table: string): Buffer | undefined {
  try {
    return readFileSync(file)
  } catch (error) {
    if (isMissing(error)) return undefined
    throw new TableError('configuration', table, `open database ${file}: ${systemText(error)}`, error)
  }
}

/** Compares a text with its index: by content where the index is ours, by time where it is Postfix's. */
export function indexState(type: string, file: string): IndexState {
  const text = statSync(file, { throwIfNoEntry: false })
  const own = statSync(file + INDEX_SUFFIX, { throwIfNoEntry: false })
  if (own === undefined) {
    const path = file + (FOREIGN[type]?.suffix ?? INDEX_SUFFIX)
    const theirs = statSync(path, { throwIfNoEntry: false })
    if (theirs === undefined) return { state: 'missing', index: path }
    if (text === undefined) return { state: 'no-text' }
    return text.mtimeMs > theirs.mtimeMs ? { state: 'outdated', index: path } : { state: 'current' }
  }
  if (text === undefined) return { state: 'no-text' }
  const source = readStamp(file + INDEX_SUFFIX)
  if (source.sizeOctets === text.size && source.mtimeMs === text.mtimeMs) return { state: 'current' }
  const isSame = source.sizeOctets === text.size && crc32(readFileSync(file)) === source.crc
  return isSame ? { state: 'current' } : { state: 'outdated', index: file + INDEX_SUFFIX }
}
