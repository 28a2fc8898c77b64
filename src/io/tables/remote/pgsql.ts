/** `pgsql:FILE`: PostgreSQL; pgsql_table(5). The protocol is the pg package's, loaded at the first question. */
import { userInfo } from 'node:os'
import type { Client, ClientConfig } from 'pg'
import type { Table } from '../contract.ts'
import { type Host, LostLink, NoLink } from './hosts.ts'
import type { RemoteOptions, TableSettings } from './settings.ts'
import { type SqlDriver, type SqlLink, sqlTable } from './sql.ts'
import { connectText } from './stream.ts'

/** libpq waits without end; here a server that says nothing is away. */
const CONNECT_LIMIT_MS = 10_000
const QUERY_LIMIT_MS = 30_000
const DEFAULT_PORT = 5432
const SOCKET_DIRECTORY = '/var/run/postgresql'

export const pgsqlTable = (options: RemoteOptions): Table => sqlTable(options, pgsqlDriver, 'pgsql')

export function pgsqlDriver(source: TableSettings): SqlDriver {
  const dbname = source.required('dbname')
  const user = source.text('user')
  const encoding = source.text('encoding', 'UTF8')
  if (!/^utf-?8$/i.test(encoding))
    throw source.fault('encoding', `encoding = ${encoding}: keys and results are UTF8 here`)
  const config: ClientConfig = {
    user: user === '' ? userInfo().username : user,
    password: source.text('password'),
    database: dbname,
    connectionTimeoutMillis: CONNECT_LIMIT_MS,
    query_timeout: QUERY_LIMIT_MS,
    client_encoding: 'UTF8',
    types: { getTypeParser: () => (text: string) => text },
  }
  return { type: 'pgsql', parseHost, connect: (host) => connect(host, config) }
}

function parseHost(shown: string): Host {
  if (/^postgres(?:ql)?:\/\//i.test(shown)) {
    const withoutPassword = shown.replace(/^([^/]*\/\/[^/@:]*):[^/@]*@/, '$1@') // a log is no place for it
    return { shown: withoutPassword, isLocal: false, address: shown, port: undefined }
  }
  const rest = shown.replace(/^(?:unix|inet):/, '')
  if (rest === '' || rest.startsWith('/'))
    return { shown, isLocal: true, address: rest === '' ? SOCKET_DIRECTORY : rest, port: DEFAULT_PORT }
  const [, name = rest, port] = /^(.*?)(?::(\d*))?$/s.exec(rest) ?? []
  const address = name.replace(/^\[(.*)\]$/, '$1')
  return { shown, isLocal: false, address, port: port === undefined || port === '' ? DEFAULT_PORT : Number(port) }
}

/** As libpq's `sslmode=prefer`: TLS where the server has it, unverified; a URI says for itself. */
async function connect(host: Host, config: ClientConfig): Promise<SqlLink> {
  if (host.port === undefined) return open(host, { ...config, ...uriConfig(host.address) })
  const target = { ...config, host: host.address, port: host.port }
  if (host.isLocal) return open(host, target)
  try {
    return await open(host, { ...target, ssl: { rejectUnauthorized: false } })
  } catch (error) {
    if (!(error instanceof NoLink) || !/does not support SSL|no pg_hba\.conf entry/.test(error.message)) throw error
    return open(host, target)
  }
}

/** sslmode and its kin mean what they mean to libpq. */
function uriConfig(uri: string): ClientConfig {
  const url = new URL(uri)
  url.searchParams.set('uselibpqcompat', 'true')
  return { connectionString: url.href }
}

async function open(host: Host, config: ClientConfig): Promise<SqlLink> {
  const { default: pg } = await import('pg')
  const client = new pg.Client(config)
  const link = new PgsqlLink(client)
  try {
    await client.connect()
    return link
  } catch (error) {
    link.close()
    throw new NoLink(noLinkText(host, error), { cause: error })
  }
}

/** In libpq's words. */
function noLinkText({ isLocal, address, port }: Host, error: unknown): string {
  if (port === undefined) return connectText(error)
  const where = isLocal
    ? `connection to server on socket "${address}/.s.PGSQL.${port}"`
    : `connection to server at "${address}", port ${port}`
  const severity = error instanceof Error && 'severity' in error ? `${String(error.severity)}:  ` : ''
  return `${where} failed: ${severity}${connectText(error)}`
}

class PgsqlLink implements SqlLink {
  isOpen = true
  readonly #client: Client
  #isStandard = true
  #isUsed = false

  constructor(client: Client) {
    this.#client = client
    client.on('error', () => (this.isOpen = false))
    client.on('end', () => (this.isOpen = false))
    client.connection?.on('parameterStatus', ({ parameterName, parameterValue }) => {
      if (parameterName === 'standard_conforming_strings') this.#isStandard = parameterValue === 'on'
    })
  }

  /** PQescapeString(): quotes doubled; backslashes too where the session takes them for escapes. */
  quote(text: string): string {
    const doubled = text.replaceAll("'", "''")
    return this.#isStandard ? doubled : doubled.replaceAll('\\', '\\\\')
  }

  async query(sql: string): Promise<readonly (readonly (string | null)[])[]> {
    try {
      const answer = await this.#client.query<(string | null)[]>({ text: sql, rowMode: 'array' })
      const last = Array.isArray(answer) ? (answer.at(-1) as typeof answer) : answer // several statements
      // To libpq a NULL is an empty text.
      return last.rows.map((row) => row.map((value) => value ?? ''))
    } catch (error) {
      throw this.#isLost(error) ? new LostLink(connectText(error), { cause: error }) : serverError(error)
    } finally {
      this.#isUsed = true
    }
  }

  close(): void {
    this.isOpen = false
    this.#client.end().catch(() => {})
  }

  setIdle(idle: boolean): void {
    // What the package's types leave out.
    const { stream } = this.#client.connection as unknown as { stream: { ref(): void; unref(): void } }
    if (idle) stream.unref()
    else stream.ref()
  }

  /** The server went away while the connection was idle: 57P01 is its farewell. */
  #isLost(error: unknown): boolean {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    const isTimeout = error instanceof Error && /timeout/i.test(error.message)
    return this.#isUsed && !isTimeout && (!/^[0-9A-Z]{5}$/.test(code) || /^57P0|^08/.test(code))
  }
}

function serverError(error: unknown): Error {
  const text = connectText(error)
  const severity = error instanceof Error && 'severity' in error ? `${String(error.severity)}:  ` : ''
  return new Error(`${severity}${text}`, { cause: error })
}
