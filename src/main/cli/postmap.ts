/** postmap(1): makes and asks lookup tables. The index is ours, beside the text; Postfix's own .db is not touched. */
import { buffer } from 'node:stream/consumers'
import { listen, type PostigoEvent } from '../../base/mod.ts'
import type { Config } from '../../io/config/mod.ts'
import {
  addToTable,
  buildTable,
  createTables,
  editIndex,
  foldKey,
  INDEXED_TYPES,
  openIndex,
  splitTableName,
  type Table,
  TableError,
  type TablesEvent,
} from '../../io/tables/mod.ts'
import { accountsTable } from '../../mail/accounts/mod.ts'
import { readConfig } from '../server/rooms.ts'
import { type CliIo, type Command, configDirectory, EX } from './io.ts'
import { mapWords, type MapWords } from './map-words.ts'
import { messageKeys, mimeKeys } from './message-keys.ts'

export const postmap: Command = (argv, io) => runMap('postmap', argv, io)

/** Runs postmap or postalias; they differ in how a text is read. */
export async function runMap(name: 'postmap' | 'postalias', argv: readonly string[], io: CliIo): Promise<number> {
  const words = mapWords(name, argv)
  if (typeof words === 'string') {
    io.err(`${name}: fatal: ${words}\n`)
    return 1
  }
  for (const warning of words.warnings) io.err(`${name}: warning: ${warning}\n`)
  const stop = listen((event) => warn(name, event, io))
  try {
    return await runWords(name, words, io)
  } catch (error) {
    if (!(error instanceof TableError)) throw error
    io.err(`${name}: fatal: ${fatalText(error)}\n`)
    return 1
  } finally {
    stop()
  }
}

/** What a server's table failed with was warned of already. */
function fatalText({ table, text }: TableError): string {
  return text === 'query error' ? `table ${table}: ${text}` : text
}

/** What tables say while they are opened and asked. */
function warn(name: string, event: PostigoEvent, io: CliIo): void {
  if (event.event !== 'tables.warning' && event.event !== 'tables.outdated') return
  const { text } = event as Extract<TablesEvent, { text: string }> // the events of these names are tables'
  io.err(`${name}: warning: ${text}\n`)
}

async function runWords(name: 'postmap' | 'postalias', words: MapWords, io: CliIo): Promise<number> {
  const config = configOf(words, io)
  const initial = config?.value('default_database_type') ?? 'hash'
  const names = words.tables.map((table) => (table.includes(':') ? table : `${initial}:${table}`))
  if (words.query !== undefined || words.list) {
    const opened = createTables({
      directory: io.cwd,
      types: { accounts: () => accountsOfDirectory(config?.directory) },
      parameter: (p) => config?.value(p),
    })
    const tables = names.map((table) => opened.open(table))
    try {
      if (words.keepCase) return await askExactly(names, words, io)
      return words.list ? listTables(name, tables, words, io) : await queryTables(name, tables, words, io)
    } finally {
      opened.close()
    }
  }
  if (words.remove !== undefined) return removeKeys(names, words, io, config)
  const lines = words.insert ? await buffer(io.stdin) : undefined
  for (const table of names) {
    const [type, file] = cut(table)
    const options = { ...words, aliases: name === 'postalias' }
    const built = lines === undefined ? buildTable(type, file, options) : addToTable(type, file, lines, options)
    for (const warning of built.warnings) io.err(`${name}: warning: ${warning}\n`)
  }
  return EX.ok
}

/** `accounts:` for a question on the command line: the accounts are opened for it alone. */
function accountsOfDirectory(directory: string | undefined): Pick<Table, 'get' | 'fixed'> {
  return {
    fixed: true,
    async get(key) {
      if (directory === undefined) throw new TableError('configuration', 'accounts:', 'there is no main.cf (-c DIR)')
      const { openAccountsOf } = await import('./open-accounts.ts')
      const opened = await openAccountsOf(directory)
      try {
        return await accountsTable(opened.accounts).get(key)
      } finally {
        await opened.close()
      }
    },
  }
}

function cut(table: string): [type: string, file: string] {
  const parts = splitTableName(table)
  if (parts === undefined)
    throw new TableError('configuration', table, `open dictionary: expecting "type:name" form instead of "${table}"`)
  return [parts.type, parts.rest]
}

/** Some tables take settings from main.cf; a directory without one has none. */
function configOf(words: MapWords, io: CliIo): Config | undefined {
  try {
    return readConfig({ directory: configDirectory(words.config, io) })
  } catch {
    return undefined // a table can be made before there is a configuration
  }
}

async function keysOf(key: string, words: MapWords, io: CliIo): Promise<string[]> {
  if (key !== '-') return [key]
  const text = (await buffer(io.stdin)).toString('utf8')
  if (words.messageParts.size > 0) return (words.mime ? mimeKeys : messageKeys)(text, words.messageParts)
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  return lines
}

/** Exit code 1 where nothing was found, as scripts ask. */
async function queryTables(name: string, tables: readonly Table[], words: MapWords, io: CliIo): Promise<number> {
  const { query = '' } = words
  let found = false
  for (const key of await keysOf(query, words, io)) {
    const value = await firstResult(name, tables, key, io)
    if (value === undefined) continue
    const shown = words.fileContent ? Buffer.from(value, 'base64').toString('utf8') : value
    io.out(query === '-' ? `${key}${separatorOf(name)}${shown}\n` : `${shown}\n`)
    found = true
  }
  return found ? EX.ok : 1
}

/** Entries are printed as they could stand in the table's text. */
const separatorOf = (name: string): string => (name === 'postalias' ? ':\t' : '\t')

async function firstResult(
  name: string,
  tables: readonly Table[],
  key: string,
  io: CliIo,
): Promise<string | undefined> {
  for (const table of tables) {
    const value = await table.get(key)
    if (value === '') {
      io.err(`${name}: warning: table ${table.name}: key ${key}: empty string result is not allowed\n`)
      io.err(`${name}: warning: table ${table.name} should return NO RESULT in case of NOT FOUND\n`)
    }
    if (value !== undefined) return value
  }
  return undefined
}

/** -f with -q or -s: keys as they stand in the index. Tables without one are never folded. */
async function askExactly(names: readonly string[], words: MapWords, io: CliIo): Promise<number> {
  const opened = createTables({ directory: io.cwd })
  const tables = names.map((table): Table => {
    const usual = opened.open(table)
    if (usual.entries === undefined) return usual
    const entries = new Map(usual.entries())
    return { ...usual, get: (key) => entries.get(key), entries: () => entries }
  })
  return words.list ? listTables('postmap', tables, words, io) : queryTables('postmap', tables, words, io)
}

function listTables(name: string, tables: readonly Table[], words: MapWords, io: CliIo): number {
  for (const table of tables) {
    if (table.entries === undefined) {
      io.err(`${name}: fatal: table ${table.name}: sequence operation is not supported\n`)
      return 1
    }
    const separator = separatorOf(name)
    for (const [key, value] of table.entries()) {
      const shown = words.fileContent ? Buffer.from(value, 'base64').toString('utf8') : value
      io.out(`${key}${separator}${shown}\n`)
    }
  }
  return EX.ok
}

/** -d: one entry of each table that has it. */
async function removeKeys(
  names: readonly string[],
  words: MapWords,
  io: CliIo,
  config: Config | undefined,
): Promise<number> {
  const keys = await keysOf(words.remove ?? '', words, io)
  let removed = false
  for (const table of names) {
    const [type, file] = cut(table)
    if (!INDEXED_TYPES.includes(type)) {
      if (await removeFrom(table, keys, io, config)) removed = true
      continue
    }
    openIndex(type, file) // says what is wrong before a new index is made
    editIndex(type, file, (entries) => {
      for (const key of keys) if (entries.delete(words.keepCase ? key : foldKey(key))) removed = true
    })
  }
  return removed ? EX.ok : 1
}

/** -d for a table that is no index: a cache may forget an entry, nothing else can be changed. */
async function removeFrom(name: string, keys: readonly string[], io: CliIo, config?: Config): Promise<boolean> {
  const opened = createTables({ directory: io.cwd, parameter: (p) => config?.value(p) })
  try {
    const table = opened.open(name)
    if (table.remove === undefined)
      throw new TableError('configuration', name, `${name} map requires O_RDONLY access mode`)
    let removed = false
    for (const key of keys) if (await table.remove(key)) removed = true
    return removed
  } finally {
    opened.close()
  }
}
