/** `socketmap:inet:host:port:name`, `socketmap:unix:path:name`: netstrings to a server and back; socketmap_table(5). */
import type { Table } from '../contract.ts'
import { TableError } from '../errors.ts'
import { Pool } from './pool.ts'
import { queryError, type RemoteOptions, SettingsError, warn } from './settings.ts'
import { parseEndpoint, Stream, StreamError } from './stream.ts'

/** Postfix's time limit for each of connecting, sending and receiving. */
const TIME_LIMIT_MS = 100_000
/** socketmap_max_reply_size where there is no main.cf. */
const MAX_REPLY = 100_000
/** Connections unused for so long are closed. */
const IDLE_MS = 10_000
/** Digits of a length that is read; more are too long for any limit. */
const MOST_DIGITS = 10

const CLASSES: Readonly<Record<string, string>> = { TEMP: 'temporary', TIMEOUT: 'timeout', PERM: 'permanent' }

export interface SocketmapOptions extends RemoteOptions {
  readonly timeLimitMs?: number
}

export function socketmapTable(options: SocketmapOptions): Table {
  const { name, directory, parameter, timeLimitMs = TIME_LIMIT_MS } = options
  const maxReplySize = Number(parameter('socketmap_max_reply_size') ?? MAX_REPLY)
  const table = `socketmap:${name}`
  const colon = name.lastIndexOf(':')
  if (colon < 0) throw new SettingsError(table, 'socketmap requires server:socketmap argument')
  const [server, map] = [name.slice(0, colon), name.slice(colon + 1)]
  const endpoint = parseEndpoint(server, directory)
  if (endpoint === undefined)
    throw new SettingsError(table, `need service transport:endpoint instead of "${server.split(':')[0] ?? ''}"`)
  const pool = new Pool(() => Stream.open(endpoint, timeLimitMs), IDLE_MS)

  /** A connection that the server dropped meanwhile is opened anew, once. */
  async function exchange(request: Buffer, again = false): Promise<string> {
    try {
      return await pool.use((stream) => ask(stream, request, maxReplySize), again)
    } catch (error) {
      if (!(error instanceof StreamError)) throw error
      if (error.kind === 'lost' && !again) return exchange(request, true)
      const why = error.kind === 'lost' ? 'unexpected disconnect' : error.message
      if (error.kind === 'connect') warn(table, `connect to ${endpoint?.shown}: ${error.message}`)
      warn(table, `table ${table} lookup error: ${why}`)
      throw queryError(table, error)
    }
  }

  return {
    name: table,
    type: 'socketmap',
    fixed: false,
    get: async (key) => answer(table, await exchange(netstring(`${map} ${key}`))),
    close: () => pool.close(),
  }
}

function netstring(text: string): Buffer {
  const octets = Buffer.from(text)
  return Buffer.concat([Buffer.from(`${octets.length}:`), octets, Buffer.from(',')])
}

async function ask(stream: Stream, request: Buffer, max: number): Promise<string> {
  stream.write(request)
  let length = 0
  for (let digits = 0; ; digits++) {
    const c = (await stream.takeOctets(1))[0] ?? 0
    if (c === 0x3a) break
    if (c < 0x30 || c > 0x39) throw new StreamError('limit', 'input format error')
    length = length * 10 + (c - 0x30)
    if (length > max || digits >= MOST_DIGITS) throw new StreamError('limit', 'input exceeds size limit')
  }
  const reply = await stream.takeOctets(length + 1)
  if (reply[length] !== 0x2c) throw new StreamError('limit', 'input format error')
  return reply.toString('utf8', 0, length)
}

function answer(table: string, reply: string): string | undefined {
  const blank = reply.indexOf(' ')
  const status = blank < 0 ? reply : reply.slice(0, blank)
  const payload = blank < 0 ? undefined : reply.slice(blank + 1)
  if (status === 'OK') return payload
  if (status === 'NOTFOUND') return undefined
  const reason = (payload ?? '').trimStart().slice(0, 200)
  warn(table, `${table} socketmap server ${CLASSES[status] ?? 'unknown'} error${reason === '' ? '' : `: ${reason}`}`)
  throw status === 'PERM' ? new TableError('configuration', table, 'query error') : queryError(table)
}
