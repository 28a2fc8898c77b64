/** `sqlite:` tables: an SQL query for each key; sqlite_table(5). The database is opened for reading only. */
import { DatabaseSync, type SQLOutputValue, type StatementSync } from 'node:sqlite'
import { systemText } from '#src/base/mod.ts'
import type { Table } from './contract.ts'
import { TableError } from './errors.ts'
import { foldKey } from './fold.ts'
import { keyParts, type QueryTemplate } from './query-template.ts'
import { template } from './remote/common.ts'
import { type RemoteOptions, TableSettings } from './remote/settings.ts'
import { queryText } from './remote/sql-query.ts'

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

export function sqliteTable(options: RemoteOptions): Table {
  const table = new SqliteTable(options)
  return { name: `sqlite:${options.name}`, type: 'sqlite', fixed: true, get: (key) => table.get(key) }
}

class SqliteTable {
  readonly #table: string
  readonly #settings: Settings
  readonly #isOurs: ((domain: string) => Promise<string | undefined>) | undefined
  #db: DatabaseSync | undefined
  /** Statements by their text: values are bound, so one table has few. */
  #statement: StatementSync | undefined

  constructor(options: RemoteOptions) {
    const source = new TableSettings('sqlite', options)
    this.#table = source.table
    this.#settings = readSettings(source)
    if (this.#settings.domain !== '') this.#isOurs = options.matchDomain(this.#settings.domain)
  }

  async get(key: string): Promise<string | undefined> {
    const parts = keyParts(foldKey(key))
    const { query, resultFormat } = this.#settings
    const values = query.bind(parts)
    if (values === undefined || !resultFormat.isFor(parts)) return undefined
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

function readSettings(source: TableSettings): Settings {
  const dbpath = source.required('dbpath')
  return {
    dbpath,
    query: template(source, 'query', queryText(source)),
    resultFormat: template(source, 'result', source.text('result_format', '%s')),
    domain: source.text('domain'),
    expansionLimit: source.number('expansion_limit', 0),
  }
}
