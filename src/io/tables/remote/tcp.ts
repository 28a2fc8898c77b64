/** `tcp:host:port`: a line asks, a line answers, `%XX` for what is no plain character; tcp_table(5). */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Table } from '../contract.ts'
import { Pool } from './pool.ts'
import { queryError, type RemoteOptions, warn } from './settings.ts'
import { inetEndpoint, Stream, StreamError } from './stream.ts'

const TIME_LIMIT_MS = 100_000
/** The longest answer, its newline included. */
const MAX_LINE = 4096
/** Postfix asks so often, with a pause between. */
const MOST_TRIES = 10
const PAUSE_MS = 1000
const IDLE_MS = 60_000

export interface TcpOptions extends Pick<RemoteOptions, 'name'> {
  readonly tries?: number
  readonly pauseMs?: number
  readonly timeLimitMs?: number
}

export function tcpTable(options: TcpOptions): Table {
  const { name, tries = MOST_TRIES, pauseMs = PAUSE_MS, timeLimitMs = TIME_LIMIT_MS } = options
  const table = `tcp:${name}`
  const endpoint = inetEndpoint(name)
  const pool = new Pool(() => Stream.open(endpoint, timeLimitMs), IDLE_MS)
  let isClosed = false

  async function exchange(key: string): Promise<string> {
    const request = Buffer.from(`get ${hexQuote(key)}\n`)
    for (let tried = 1; ; tried++) {
      try {
        return await pool.use(async (stream) => {
          stream.write(request)
          return (await stream.takeLine(MAX_LINE - 1)).toString('utf8')
        }, tried > 1)
      } catch (error) {
        if (!(error instanceof StreamError)) throw error
        warn(table, faultText(name, error))
        if (tried >= tries || isClosed) throw queryError(table, error)
      }
      await sleep(pauseMs)
    }
  }

  return {
    name: table,
    type: 'tcp',
    fixed: false,
    get: async (key) => answer(table, name, await exchange(key)),
    close() {
      isClosed = true
      pool.close()
    },
  }
}

function faultText(name: string, error: StreamError): string {
  if (error.kind === 'connect') return `connect to TCP map ${name}: ${error.message}`
  if (error.kind === 'limit') return `read TCP map reply from ${name}: text longer than ${MAX_LINE}`
  return `read TCP map reply from ${name}: ${error.kind === 'lost' ? 'unexpected EOF' : error.message}`
}

function answer(table: string, name: string, reply: string): string | undefined {
  const [, status = '', text = ''] = /^(\d{3})\s([\s\S]*)$/.exec(reply) ?? []
  const value = hexUnquote(text)
  if (status === '' || value === undefined) {
    warn(table, `read TCP map reply from ${name}: malformed reply: ${reply.slice(0, 100)}`)
    throw queryError(table)
  }
  if (status === '200') return value
  if (status === '500') return undefined
  if (status !== '400') warn(table, `read TCP map reply from ${name}: bad status code: ${reply.slice(0, 100)}`)
  throw queryError(table)
}

/** `%`, blanks and what is not printable ASCII, octet by octet. */
function hexQuote(text: string): string {
  return [...Buffer.from(text)]
    .map((c) => (c > 0x20 && c < 0x7f && c !== 0x25 ? String.fromCharCode(c) : `%${hex(c)}`))
    .join('')
}

const hex = (octet: number): string => octet.toString(16).toUpperCase().padStart(2, '0')

/** undefined for a `%` without two hexadecimal digits. */
function hexUnquote(text: string): string | undefined {
  if (!text.includes('%')) return text
  if (/%(?![0-9a-f]{2})/i.test(text)) return undefined
  const octets = text
    .split(/(%[0-9a-f]{2})/i)
    .map((part, i) => (i % 2 === 0 ? Buffer.from(part) : Buffer.from(part.slice(1), 'hex')))
  const whole = Buffer.concat(octets)
  const end = whole.indexOf(0) // Postfix's strings end there
  return whole.toString('utf8', 0, end < 0 ? undefined : end)
}
