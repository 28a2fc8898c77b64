/** `memcache:FILE`: a memcache server, and a table behind it that keeps what it forgets; memcache_table(5). */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Table } from '../contract.ts'
import { foldKey } from '../fold.ts'
import { keyParts, type QueryTemplate } from '../query-template.ts'
import { type DomainGuard, domainGuard, template } from './common.ts'
import { Pool } from './pool.ts'
import { queryError, type RemoteOptions, SettingsError, TableSettings, warn } from './settings.ts'
import { type Endpoint, parseEndpoint, Stream, StreamError } from './stream.ts'

const IDLE_MS = 60_000
/** The server's own bound on a key. */
const MAX_KEY_OCTETS = 250

interface Settings {
  readonly endpoint: Endpoint
  readonly keyFormat: QueryTemplate
  readonly backup: string
  readonly flags: number
  readonly ttl: number
  readonly maxData: number
  readonly maxLine: number
  readonly maxTry: number
  readonly pauseMs: number
  readonly timeoutMs: number
}

export function memcacheTable(options: RemoteOptions): Table {
  const source = new TableSettings('memcache', options)
  const settings = readSettings(source, options.directory)
  const backup = settings.backup === '' ? undefined : options.open(settings.backup)
  const guard = domainGuard(source, options)
  const client = new MemcacheTable(source.table, settings, backup, guard)
  return {
    name: source.table,
    type: 'memcache',
    fixed: true,
    get: (key) => client.get(key),
    remove: (key) => client.remove(key),
    ...(backup === undefined
      ? { entries: () => nothing(source.table) }
      : backup.entries !== undefined && { entries: () => backup.entries?.() ?? [] }),
    close: () => client.close(),
  }
}

function nothing(table: string): readonly (readonly [string, string])[] {
  warn(table, `database ${table}: first/next support requires backup database`)
  return []
}

function readSettings(source: TableSettings, directory: string): Settings {
  const server = source.text('memcache', 'inet:localhost:11211')
  const endpoint = parseEndpoint(server, directory)
  if (endpoint === undefined) {
    const text = `need service transport:endpoint instead of "${server}"`
    throw new SettingsError(source.table, text, source.file, source.lineOf('memcache'))
  }
  return {
    endpoint,
    keyFormat: template(source, 'query', source.text('key_format', '%s')),
    backup: source.text('backup'),
    flags: source.number('flags', 0),
    ttl: source.number('ttl', 3600),
    maxData: source.number('data_size_limit', 10_240, 1),
    maxLine: source.number('line_size_limit', 1024, 1),
    maxTry: source.number('max_try', 2, 1),
    pauseMs: source.number('retry_pause', 1, 1) * 1000,
    timeoutMs: source.number('timeout', 2) * 1000,
  }
}

class MemcacheTable {
  readonly #table: string
  readonly #settings: Settings
  readonly #backup: Table | undefined
  readonly #guard: DomainGuard
  readonly #pool: Pool<Stream>

  constructor(table: string, settings: Settings, backup: Table | undefined, guard: DomainGuard) {
    this.#table = table
    this.#settings = settings
    this.#backup = backup
    this.#guard = guard
    this.#pool = new Pool(() => Stream.open(settings.endpoint, settings.timeoutMs), IDLE_MS)
  }

  /** The cache's word; where it has none, or is away, the backup's, which is then put into the cache. */
  async get(key: string): Promise<string | undefined> {
    const cacheKey = await this.#cacheKey(key)
    if (cacheKey === undefined) return undefined
    // No server has such a key; the backup may.
    const fits = Buffer.byteLength(cacheKey) <= MAX_KEY_OCTETS
    const cached = fits ? await this.#try((stream) => this.#ask(stream, cacheKey)) : NOT_CACHED
    if (this.#backup === undefined) return this.#sure(cached)
    if (cached.answer !== undefined) return cached.answer
    const kept = await this.#backup.get(key)
    if (kept !== undefined && fits) await this.#store(cacheKey, kept)
    return kept
  }

  /** Whether there was such an entry. */
  async remove(key: string): Promise<boolean> {
    const cacheKey = await this.#cacheKey(key)
    if (cacheKey === undefined) return false
    const removed = await this.#try(async (stream) => {
      const line = await this.#line(stream, `delete ${cacheKey}\r\n`)
      if (line === 'DELETED' || line === 'NOT_FOUND') return line === 'DELETED'
      throw new StreamError('limit', `database ${this.#table}: delete failed: ${line.slice(0, 30)}`)
    })
    if (this.#backup?.remove !== undefined) return this.#backup.remove(key)
    return this.#sure(removed) ?? false
  }

  close(): void {
    this.#pool.close()
  }

  /** The key as the cache has it; undefined where nothing is asked. */
  async #cacheKey(key: string): Promise<string | undefined> {
    const parts = keyParts(foldKey(key))
    const cacheKey = this.#settings.keyFormat.expand(parts)
    if (key === '' || cacheKey === undefined || /[\p{Cc} ]/u.test(cacheKey)) return undefined
    return (await this.#guard(parts)) ? cacheKey : undefined
  }

  #sure<T>({ answer, error }: Outcome<T>): T | undefined {
    if (error !== undefined) throw queryError(this.#table, error)
    return answer
  }

  /** As often as max_try says; a server that takes no connection is not asked again. */
  async #try<T>(ask: (stream: Stream) => Promise<T>): Promise<Outcome<T>> {
    const { maxTry, pauseMs, endpoint } = this.#settings
    for (let tried = 1; ; tried++) {
      try {
        return { answer: await this.#pool.use(ask, tried > 1), error: undefined }
      } catch (error) {
        if (!(error instanceof StreamError)) throw error
        if (error.kind === 'connect') warn(this.#table, `connect to ${endpoint.shown}: ${error.message}`)
        else if (tried > 1) warn(this.#table, error.kind === 'limit' ? error.message : this.#ioText(error))
        if (tried >= maxTry || error.kind === 'connect') return { answer: undefined, error }
      }
      await sleep(pauseMs)
    }
  }

  #ioText(error: StreamError): string {
    const why = error.kind === 'lost' ? '' : `: ${error.message}`
    return `database ${this.#table}: I/O error${why}`
  }

  async #ask(stream: Stream, key: string): Promise<string | undefined> {
    const line = await this.#line(stream, `get ${key}\r\n`)
    if (line === 'END') return undefined
    const [, length = ''] = /^VALUE \S+ \S+ (\d{1,9})(?: |$)/.exec(line) ?? []
    if (length === '' || Number(length) > this.#settings.maxData) {
      const shown = line.slice(0, 30)
      throw new StreamError('limit', `${this.#table.slice(9)}: unexpected memcache server reply: ${shown}`)
    }
    const data = await stream.takeOctets(Number(length) + 2)
    const end = (await stream.takeLine(this.#settings.maxLine)).toString('latin1')
    if (end !== 'END\r') stream.close() // the answer counts, the connection does not
    return data.toString('utf8', 0, Number(length))
  }

  async #store(key: string, value: string): Promise<void> {
    const { flags, ttl, maxData } = this.#settings
    const data = Buffer.from(value)
    if (data.length > maxData) {
      const why = `data for key ${key} is too long (data_size_limit=${maxData}) -- not stored`
      warn(this.#table, `database ${this.#table}: ${why}`)
      return
    }
    const head = Buffer.from(`set ${key} ${flags} ${ttl} ${data.length}\r\n`)
    await this.#try(async (stream) => {
      const line = await this.#line(stream, Buffer.concat([head, data, Buffer.from('\r\n')]))
      if (line !== 'STORED')
        throw new StreamError('limit', `database ${this.#table}: update failed: ${line.slice(0, 30)}`)
    })
  }

  async #line(stream: Stream, request: string | Buffer): Promise<string> {
    stream.write(request)
    return (await stream.takeLine(this.#settings.maxLine)).toString('latin1').replace(/\r$/, '')
  }
}

const NOT_CACHED = { answer: undefined, error: undefined }

/** What became of asking. */
interface Outcome<T> {
  readonly answer: T | undefined
  readonly error: Error | undefined
}
