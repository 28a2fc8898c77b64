/** SQL tables over a server: one query for each key, hosts tried in random order; pgsql_table(5), mysql_table(5). */
import type { Clock } from '../../../base/mod.ts'
import { splitList } from '../../config/mod.ts'
import type { Table } from '../contract.ts'
import { foldKey } from '../fold.ts'
import { keyParts, type QueryTemplate } from '../query-template.ts'
import { type DomainGuard, domainGuard, Results, template } from './common.ts'
import { type Host, Hosts, type HostTimes } from './hosts.ts'
import type { Link } from './pool.ts'
import { type RemoteOptions, TableSettings, warn } from './settings.ts'
import { queryText } from './sql-query.ts'

/** A session with a database. */
export interface SqlLink extends Link {
  /** A value as it stands inside a string literal of this session. */
  quote(text: string): string
  /** All columns of all rows as text; null only where nothing at all is to be said of it. Throws. */
  query(sql: string): Promise<SqlRows>
}

/** How one kind of database is spoken to. */
export interface SqlDriver {
  readonly type: 'pgsql' | 'mysql'
  parseHost(text: string): Host
  connect(host: Host): Promise<SqlLink>
}

const SECOND_MS = 1000

export type MakeDriver = (source: TableSettings) => SqlDriver
export type SqlRows = readonly (readonly (string | null)[])[]

export function sqlTable(
  options: RemoteOptions,
  makeDriver: (source: TableSettings) => SqlDriver,
  type: string,
): Table {
  const source = new TableSettings(type, options)
  const driver = makeDriver(source)
  const table = new SqlTable(source, driver, domainGuard(source, options), options)
  return {
    name: source.table,
    type,
    fixed: true,
    get: (key) => table.get(key),
    close: () => table.close(),
  }
}

class SqlTable {
  readonly #table: string
  readonly #query: QueryTemplate
  readonly #format: QueryTemplate
  readonly #limit: number
  readonly #guard: DomainGuard
  readonly #hosts: Hosts<SqlLink>
  readonly #where: string

  constructor(source: TableSettings, driver: SqlDriver, guard: DomainGuard, { clock }: RemoteOptions) {
    this.#table = source.table
    this.#query = template(source, 'query', queryText(source))
    this.#format = template(source, 'result', source.text('result_format', '%s'))
    this.#limit = source.number('expansion_limit', 0)
    this.#guard = guard
    this.#where = `dict_${driver.type}_lookup`
    this.#hosts = hostsOf(source, driver, clock)
  }

  async get(key: string): Promise<string | undefined> {
    const folded = foldKey(key)
    if (folded === '') {
      warn(this.#table, `table "${this.#table}": empty query string -- ignored`)
      return undefined
    }
    const parts = keyParts(folded)
    // An octet 0 would end the query early; no name has one.
    if (folded.includes('\0') || !this.#format.isFor(parts) || this.#query.expand(parts) === undefined) return undefined
    if (!(await this.#guard(parts))) return undefined
    const rows = await this.#hosts.ask((link) => {
      const sql = this.#query.expand(parts, (text) => link.quote(text)) ?? ''
      return link.query(sql)
    })
    const results = new Results(this.#table, folded, this.#format, this.#limit)
    for (const value of rows.flat()) if (value !== null) results.add(value, this.#where)
    return results.text
  }

  close(): void {
    this.#hosts.close()
  }
}

function hostsOf(source: TableSettings, driver: SqlDriver, clock: Clock): Hosts<SqlLink> {
  const times: HostTimes = {
    idleMs: source.number('idle_interval', 60, 1) * SECOND_MS,
    retryMs: source.number('retry_interval', 60, 1) * SECOND_MS,
  }
  const named = splitList(source.text('hosts')).map((text) => driver.parseHost(text))
  const hosts = named.length === 0 ? [driver.parseHost('localhost')] : named
  return new Hosts(source.table, driver.type, hosts, (host) => driver.connect(host), times, clock)
}

/** All rows of the query as it stands, without a key: a list of users, say. Throws TableError. */
export async function sqlRows(options: RemoteOptions, makeDriver: MakeDriver, type: string): Promise<SqlRows> {
  const source = new TableSettings(type, options)
  const hosts = hostsOf(source, makeDriver(source), options.clock)
  try {
    return await hosts.ask((link) => link.query(source.required('query')))
  } finally {
    hosts.close()
  }
}
