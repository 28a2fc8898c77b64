/** `sqlite:` tables: an SQL query for each key; sqlite_table(5). The database is opened for reading only. */
import { DatabaseSync, type SQLOutputValue, type StatementSync } from 'node:sqlite'
import { systemText } from '#src/base/mod.ts'
import { readLogicalLines, splitNameValue, type LogicalLine } from '../config/mod.ts'
import type { Table } from './contract.ts'
import { TableError } from './errors.ts'
import { foldKey } from './fold.ts'
import { keyParts, parseQueryTemplate, type QueryTemplate } from './query-template.ts'
import { readTableFile } from './source.ts'

/** A database that another process writes to is waited for so long. */
const BUSY_TIMEOUT_MS = 1000

/** What a table's settings say. */
interface Settings {
  readonly dbpath: string
  readonly query: QueryTemplate
  readonly resultFormat: QueryTemplate
  /** Empty: every key is asked. */
  readonly domain: string
  readonly expansionLimit: number
}

export interface SqliteOptions {
  /** Where relative names start. */
  readonly file: string
  /** main.cf's `name_dbpath` …, for names that are no path. */
  readonly parameter: (name: string) => string | undefined
  readonly matchDomain: (list: string) => (domain: string) => Promise<string | undefined>
}

export function sqliteTable(name: string, options: SqliteOptions): Table {
  const table = new SqliteTable(name, options)
  return { name: `sqlite:${name}`, type: 'sqlite', fixed: true, get: (key) => table.get(key) }
}

class SqliteTable {
  readonly #table: string
  readonly #settings: Settings
  readonly #isOurs: ((domain: string) => Promise<string | undefined>) | undefined
  #db: DatabaseSync | undefined
  /** Statements by their text: values are bound, so one table has few. */
  #statement: StatementSync | undefined

  constructor(name: string, options: SqliteOptions) {
    this.#table = `sqlite:${name}`
    this.#settings = readSettings(name, options)
    if (this.#settings.domain !== '') this.#isOurs = options.matchDomain(this.#settings.domain)
  }

  async get(key: string): Promise<string | undefined> {
    const parts = keyParts(foldKey(key))
    const { query, resultFormat } = this.#settings
    const values = query.bind(parts)
    if (values === undefined || resultFormat.bind(parts) === undefined) return undefined
    if (this.#isOurs !== undefined) {
      const isAddress = parts.domain !== undefined && parts.local !== ''
      if (!isAddress || (await this.#isOurs(parts.domain)) === undefined) return undefined
    }
    return this.#results(this.#ask(values), key)
  }

  #results(rows: readonly (string | null)[], key: string): string | undefined {
    const { resultFormat, expansionLimit } = this.#settings
    const results = rows
      .filter((value) => value !== null && value !== '')
      .map((value) => resultFormat.format(keyParts(foldKey(key)), keyParts(value ?? '')))
      .filter((result) => result !== undefined)
    if (expansionLimit > 0 && results.length > expansionLimit)
      throw new TableError('unavailable', this.#table, `Expansion limit exceeded for key '${key}'`)
    return results.length === 0 ? undefined : results.join(',')
  }

  /** The first column of every row. */
  #ask(values: readonly string[]): (string | null)[] {
    try {
      this.#db ??= new DatabaseSync(this.#settings.dbpath, { readOnly: true, timeout: BUSY_TIMEOUT_MS })
      this.#statement ??= this.#prepare(this.#db)
      // Arrays: the statement was told so in #prepare, which its type cannot say.
      const rows = this.#statement.all(...values) as unknown as SQLOutputValue[][]
      return rows.map(([value]) => columnText(value ?? null))
    } catch (error) {
      this.#statement = undefined
      if (error instanceof TableError) throw error
      throw new TableError('unavailable', this.#table, systemText(error), error)
    }
  }

  #prepare(db: DatabaseSync): StatementSync {
    try {
      const statement = db.prepare(this.#settings.query.sql)
      statement.setReturnArrays(true)
      return statement
    } catch (error) {
      throw new TableError('configuration', this.#table, `SQL prepare failed: ${systemText(error)}`, error)
    }
  }
}

/** A column as sqlite3_column_text() gives it. */
function columnText(value: SQLOutputValue): string | null {
  if (value === null) return null
  return value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : String(value)
}

function readSettings(name: string, options: SqliteOptions): Settings {
  const table = `sqlite:${name}`
  const value = name.startsWith('/') || name.startsWith('.') ? fromFile(options.file, table) : fromMainCf(name, options)
  const text = (key: string): string => value(key) ?? ''
  const required = (key: string): string => {
    const found = text(key)
    if (found === '') throw new TableError('configuration', table, `bad string length 0 < 1: ${key} =`)
    return found
  }
  const dbpath = required('dbpath')
  const query =
    text('query') !== ''
      ? text('query')
      : `SELECT ${required('select_field')} FROM ${required('table')} WHERE ${required('where_field')} = '%s' ${text('additional_conditions')}`
  const limit = text('expansion_limit')
  if (!/^\d*$/.test(limit))
    throw new TableError('configuration', table, `bad numerical configuration: expansion_limit = ${limit}`)
  const template = (what: string): QueryTemplate => {
    const parsed = parseQueryTemplate(what)
    if (parsed === undefined) throw new TableError('configuration', table, `Invalid query template: ${what}`)
    return parsed
  }
  return {
    dbpath,
    query: template(query),
    resultFormat: template(text('result_format') === '' ? '%s' : text('result_format')),
    domain: text('domain'),
    expansionLimit: Number(limit),
  }
}

function fromFile(file: string, table: string): (key: string) => string | undefined {
  const { lines } = readLogicalLines(readTableFile(file, table).toString('utf8'))
  const values = new Map<string, string>()
  for (const line of lines) values.set(...setting(line, file, table))
  return (key) => values.get(key)
}

function setting(line: LogicalLine, file: string, table: string): [string, string] {
  const pair = splitNameValue(line.text)
  if (typeof pair === 'string')
    throw new TableError('configuration', table, `${file}, line ${line.line}: ${pair}: "${line.text}"`)
  return [pair.name, pair.value]
}

function fromMainCf(name: string, options: SqliteOptions): (key: string) => string | undefined {
  return (key) => options.parameter(`${name}_${key}`)
}
