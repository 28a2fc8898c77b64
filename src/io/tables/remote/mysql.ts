/** `mysql:FILE`: MySQL and MariaDB; mysql_table(5). The protocol is the mysql2 package's, loaded at the first question. */
import { readFileSync } from 'node:fs'
import type { Connection, ConnectionOptions, FieldPacket, QueryError } from 'mysql2'
import { systemText } from '#src/base/mod.ts'
import { servicePort } from '../../config/mod.ts'
import type { Table } from '../contract.ts'
import { type Host, LostLink, NoLink } from './hosts.ts'
import { readOptionFiles } from './option-file.ts'
import { pemFiles } from './pem-files.ts'
import type { RemoteOptions, TableSettings } from './settings.ts'
import { type SqlDriver, type SqlLink, sqlTable } from './sql.ts'
import { connectText } from './stream.ts'

/** The client library waits without end; here a server that says nothing is away. */
const CONNECT_LIMIT_MS = 10_000
const QUERY_LIMIT_MS = 30_000
const DEFAULT_PORT = 3306
const DEFAULT_SOCKET = '/run/mysqld/mysqld.sock'

export const mysqlTable = (options: RemoteOptions): Table => sqlTable(options, mysqlDriver, 'mysql')

interface MysqlSettings {
  readonly base: ConnectionOptions
  /** Port and socket of an option file, for hosts that name none. */
  readonly port: number
  readonly socket: string
  readonly requiresResultSet: boolean
}

export function mysqlDriver(source: TableSettings): SqlDriver {
  const settings = readSettings(source)
  return {
    type: 'mysql',
    parseHost: (shown) => parseHost(shown, settings),
    connect: (host) => connect(host, settings),
  }
}

function readSettings(source: TableSettings): MysqlSettings {
  const dbname = source.required('dbname')
  const file = source.text('option_file')
  const group = source.given('option_group') ?? 'client'
  const options = file === '' && group === '' ? new Map<string, string>() : readOptionFiles(file, ['client', group])
  const text = (key: string, option: string): string => source.text(key, options.get(option) ?? '')
  const tls = tlsOptions(source, text)
  return {
    base: {
      user: text('user', 'user'),
      password: text('password', 'password'),
      database: dbname,
      charset: text('charset', 'default-character-set') || 'utf8mb4',
      connectTimeout: CONNECT_LIMIT_MS,
      rowsAsArray: true,
      typeCast: (field) => field.string(),
      // A server must not ask for files of this machine.
      flags: ['-LOCAL_FILES'],
      ...(tls !== undefined && { ssl: tls }),
    },
    port: Number(options.get('port') ?? DEFAULT_PORT),
    socket: options.get('socket') ?? DEFAULT_SOCKET,
    requiresResultSet: source.flag('require_result_set', true),
  }
}

type SslOptions = Exclude<ConnectionOptions['ssl'], string | undefined>

/**
 * TLS where any of its settings is there. As MariaDB's library: where authorities are named, one of them must vouch for the
 * server; that it vouches for this name is looked at only with tls_verify_cert.
 */
function tlsOptions(source: TableSettings, text: (key: string, option: string) => string): SslOptions | undefined {
  const [cert, key, caFile, caPath, ciphers] = [
    text('tls_cert_file', 'ssl-cert'),
    text('tls_key_file', 'ssl-key'),
    text('tls_CAfile', 'ssl-ca'),
    text('tls_CApath', 'ssl-capath'),
    text('tls_ciphers', 'ssl-cipher'),
  ]
  const verifies = source.flag('tls_verify_cert', false)
  if ([cert, key, caFile, caPath, ciphers].every((value) => value === '')) return undefined
  const read = (name: string, path: string): string => {
    try {
      return readFileSync(path, 'utf8')
    } catch (error) {
      throw source.fault(name, `${name} = ${path}: ${systemText(error)}`)
    }
  }
  const namesAuthorities = caFile !== '' || caPath !== ''
  const ca = caFile === '' ? pemFiles(caPath) : [read('tls_CAfile', caFile)]
  return {
    ...(cert !== '' && { cert: read('tls_cert_file', cert) }),
    ...(key !== '' && { key: read('tls_key_file', key) }),
    ...(namesAuthorities && { ca }), // none, where the directory has none: not the system's
    ...(ciphers !== '' && { ciphers }),
    rejectUnauthorized: verifies || namesAuthorities,
    ...(verifies && { verifyIdentity: true }),
  }
}

function parseHost(shown: string, { port, socket }: MysqlSettings): Host {
  if (shown.startsWith('unix:')) return { shown, isLocal: true, address: shown.slice(5), port: undefined }
  const rest = shown.replace(/^inet:/, '')
  const [, name = rest, number] = /^(.*?)(?::([^:\]]*))?$/s.exec(rest) ?? []
  // The client library takes this name for its socket.
  if (name.toLowerCase() === 'localhost') return { shown, isLocal: true, address: socket, port: undefined }
  const address = name.replace(/^\[(.*)\]$/, '$1')
  return { shown, isLocal: false, address, port: number === undefined ? port : (servicePort(number) ?? port) }
}

async function connect(host: Host, { base, requiresResultSet }: MysqlSettings): Promise<SqlLink> {
  const { default: mysql } = await import('mysql2')
  const target = host.isLocal ? { socketPath: host.address } : { host: host.address, port: host.port ?? DEFAULT_PORT }
  const connection = mysql.createConnection({ ...base, ...target })
  const link = new MysqlLink(connection, requiresResultSet)
  try {
    await new Promise<void>((done, failed) => connection.connect((error) => (error === null ? done() : failed(error))))
    await link.prepare()
    return link
  } catch (error) {
    link.close()
    throw new NoLink(noLinkText(host, error), { cause: error })
  }
}

/** In the client library's words, where it was the network. */
function noLinkText({ isLocal, address }: Host, error: unknown): string {
  const errno = error instanceof Error && 'errno' in error ? Number(error.errno) : 0
  if (error instanceof Error && 'sqlMessage' in error && typeof error.sqlMessage === 'string') return error.sqlMessage
  if (errno >= 0) return connectText(error)
  return isLocal
    ? `Can't connect to local server through socket '${address}' (${-errno})`
    : `Can't connect to server on '${address}' (${-errno})`
}

/** Results of one or of several statements (a procedure's), or none. */
type Rows = readonly (readonly (string | null)[])[]

class MysqlLink implements SqlLink {
  isOpen = true
  readonly #connection: Connection
  readonly #requiresResultSet: boolean
  #escapes = true
  #isUsed = false

  constructor(connection: Connection, requiresResultSet: boolean) {
    this.#connection = connection
    this.#requiresResultSet = requiresResultSet
    connection.on('error', () => (this.isOpen = false))
    connection.on('end', () => (this.isOpen = false))
  }

  /** Whether a backslash escapes in this session's string literals. */
  async prepare(): Promise<void> {
    const [[mode] = []] = (await this.#run('SELECT @@sql_mode')) ?? []
    this.#escapes = !(mode ?? '').split(',').includes('NO_BACKSLASH_ESCAPES')
    this.#isUsed = false
  }

  /** mysql_real_escape_string() */
  quote(text: string): string {
    if (!this.#escapes) return text.replaceAll("'", "''")
    return text.replace(/[\\'"]|\p{Cc}/gu, (c) => (c in ESCAPES ? `\\${ESCAPES[c] ?? ''}` : c))
  }

  async query(sql: string): Promise<Rows> {
    const rows = await this.#run(sql)
    if (rows === undefined && this.#requiresResultSet)
      throw new Error('query returned no result set(require_result_set = yes)')
    return rows ?? []
  }

  close(): void {
    this.isOpen = false
    this.#connection.destroy()
  }

  setIdle(idle: boolean): void {
    // What the package's types leave out.
    const { stream } = this.#connection as unknown as { stream: { ref(): void; unref(): void } }
    if (idle) stream.unref()
    else stream.ref()
  }

  /** The rows; undefined where there is no result set. */
  #run(sql: string): Promise<Rows | undefined> {
    return new Promise((done, failed) => {
      this.#connection.query({ sql, timeout: QUERY_LIMIT_MS }, (error, rows, fields) => {
        const wasUsed = this.#isUsed
        this.#isUsed = true
        if (error !== null) failed(wasUsed && isLost(error) ? new LostLink(connectText(error)) : error)
        else finish(rows, fields, done, failed)
      })
    })
  }
}

/** A procedure gives a list of results, its own status last. */
function finish(
  rows: unknown,
  fields: unknown,
  done: (rows: Rows | undefined) => void,
  failed: (error: Error) => void,
): void {
  const isList = (of: unknown): of is readonly unknown[] => Array.isArray(of)
  if (!isList(rows) || !isList(fields)) return done(undefined)
  const isSeveral = fields.some((field) => isList(field) || field === undefined)
  // The package's arrays: each is the rows of one result, of text by typeCast.
  if (!isSeveral) return done(rows as Rows)
  const sets = rows.filter((_, i) => isList(fields[i] as FieldPacket[] | undefined))
  if (sets.length > 1) return failed(new Error('multiple result sets returning data are not supported'))
  return done(sets[0] as Rows | undefined)
}

/** The server hung up on an idle connection. */
function isLost(error: QueryError): boolean {
  return /^(?:PROTOCOL_CONNECTION_LOST|ECONNRESET|EPIPE|ER_SERVER_SHUTDOWN)$/.test(error.code) || error.fatal === true
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\0': '0',
  '\n': 'n',
  '\r': 'r',
  '\x1a': 'Z',
  '\\': '\\',
  "'": "'",
  '"': '"',
}
