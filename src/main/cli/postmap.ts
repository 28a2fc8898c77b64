/** postmap(1): makes and asks lookup tables. The index is ours, beside the text; Postfix's own .db is not touched. */
import { createInterface } from 'node:readline'
import { buildTable, createTables, editIndex, foldKey, type Table, TableError } from '../../io/tables/mod.ts'
import { readConfig } from '../server/rooms.ts'
import { type CliIo, type Command, configDirectory, EX } from './io.ts'

export interface MapWords {
  readonly config: string | undefined
  readonly query: string | undefined
  readonly remove: string | undefined
  readonly insert: boolean
  readonly list: boolean
  readonly keepCase: boolean
  readonly tables: readonly string[]
}

/** getopt(3) as postmap and postalias take it; undefined for what is none of theirs. */
export function mapWords(argv: readonly string[]): MapWords | undefined {
  const found = {
    config: undefined as string | undefined,
    query: undefined as string | undefined,
    remove: undefined as string | undefined,
    insert: false,
    list: false,
    keepCase: false,
  }
  let at = 0
  for (; at < argv.length; at++) {
    const word = argv[at]!
    if (word === '--') {
      at++
      break
    }
    if (!word.startsWith('-') || word === '-') break
    const flag = word[1]
    const value = (): string | undefined => (word.length > 2 ? word.slice(2) : argv[++at])
    if (flag === 'c') found.config = value()
    else if (flag === 'q') found.query = value()
    else if (flag === 'd') found.remove = value()
    else if (flag === 'i') found.insert = true
    else if (flag === 's') found.list = true
    else if (flag === 'f') found.keepCase = true
    else if (flag !== 'r' && flag !== 'w' && flag !== 'v' && flag !== 'o' && flag !== 'p' && flag !== 'N')
      return undefined
  }
  return { ...found, tables: argv.slice(at) }
}

/** Runs postmap or postalias; they differ in how a text is read. */
export async function runMap(name: 'postmap' | 'postalias', argv: readonly string[], io: CliIo): Promise<number> {
  const words = mapWords(argv)
  if (words === undefined || words.tables.length === 0) {
    io.err(`usage: ${name} [-c config_dir] [-d key] [-i] [-q key] [-s] [file_type:]file...\n`)
    return EX.usage
  }
  try {
    return await runWords(name, words, io)
  } catch (error) {
    if (!(error instanceof TableError)) throw error
    io.err(`${name}: fatal: ${error.text}\n`)
    return 1
  }
}

async function runWords(name: 'postmap' | 'postalias', words: MapWords, io: CliIo): Promise<number> {
  const asked = words.query ?? words.remove
  if (words.query !== undefined || words.list) {
    const opened = createTables({ parameter: parameterOf(words, io) })
    const tables = words.tables.map((table) => opened.open(typed(table)))
    return words.list ? listTables(tables, io) : queryTables(tables, words.query ?? '', io)
  }
  for (const table of words.tables) {
    const [type, file] = cut(table)
    if (asked !== undefined) return removeKeys(type, file, asked, io)
    if (words.insert) await insertPairs(type, file, name === 'postalias', io)
    else {
      const built = buildTable(type, file, { aliases: name === 'postalias', keepCase: words.keepCase })
      for (const warning of built.warnings) io.err(`${name}: warning: ${warning}\n`)
    }
  }
  return EX.ok
}

const typed = (table: string): string => (table.includes(':') ? table : `hash:${table}`)

function cut(table: string): [type: string, file: string] {
  const name = typed(table)
  const colon = name.indexOf(':')
  return [name.slice(0, colon), name.slice(colon + 1)]
}

/** Some tables take settings from main.cf; a directory without one has none. */
function parameterOf(words: MapWords, io: CliIo): (name: string) => string | undefined {
  try {
    const config = readConfig({ directory: configDirectory(words.config, io) })
    return (name) => config.value(name)
  } catch {
    return () => undefined
  }
}

async function keysOf(key: string, io: CliIo): Promise<string[]> {
  if (key !== '-') return [key]
  const keys: string[] = []
  for await (const line of createInterface({ input: io.stdin })) keys.push(line)
  return keys
}

/** Exit code 1 where nothing was found, as scripts ask. */
async function queryTables(tables: readonly Table[], key: string, io: CliIo): Promise<number> {
  let found = false
  const fromInput = key === '-'
  for (const one of await keysOf(key, io)) {
    for (const table of tables) {
      const value = await table.get(one)
      if (value === undefined) continue
      io.out(fromInput ? `${one}\t${value}\n` : `${value}\n`)
      found = true
      break
    }
  }
  return found ? EX.ok : 1
}

function listTables(tables: readonly Table[], io: CliIo): number {
  for (const table of tables) {
    if (table.entries === undefined) {
      io.err(`postmap: fatal: ${table.name}: this type of table cannot be listed\n`)
      return 1
    }
    for (const [key, value] of table.entries()) io.out(`${key}\t${value}\n`)
  }
  return EX.ok
}

async function removeKeys(type: string, file: string, key: string, io: CliIo): Promise<number> {
  const keys = await keysOf(key, io)
  let removed = false
  editIndex(type, file, (entries) => {
    for (const one of keys) if (entries.delete(foldKey(one))) removed = true
  })
  return removed ? EX.ok : 1
}

async function insertPairs(type: string, file: string, aliases: boolean, io: CliIo): Promise<void> {
  const lines = await keysOf('-', io)
  const pairs = lines.flatMap((line): [string, string][] => {
    const [, key, value] = (aliases ? /^([^\s:]+)\s*:\s*(.*)$/ : /^(\S+)\s+(.*)$/).exec(line) ?? []
    return key === undefined || value === undefined ? [] : [[foldKey(key), value]]
  })
  editIndex(type, file, (entries) => {
    for (const [key, value] of pairs) entries.set(key, value)
  })
}

export const postmap: Command = (argv, io) => runMap('postmap', argv, io)
