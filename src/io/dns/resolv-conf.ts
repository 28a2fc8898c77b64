/**
 * Which servers to ask: resolv.conf(5), read again when it has changed.
 */
import { readFileSync, statSync } from 'node:fs'
import { isIP } from 'node:net'
import type { Clock } from '../../base/mod.ts'

export interface Server {
  readonly address: string
  readonly port: number
}

export interface ServerList {
  readonly servers: readonly Server[]
  readonly timeoutMs: number
  readonly attempts: number
  /** Domains that are put behind names where a question asks for it. */
  readonly search: readonly string[]
  /** `options trust-ad`: the way to the servers is safe, and what they say of DNSSEC is believed. */
  readonly trustAd: boolean
}

const RECHECK_MS = 5000
/** As glibc: MAXNS. */
const MAX_SERVERS = 3
const MAX_SEARCH = 32

/** `127.0.0.1`, `127.0.0.1:5353`, `::1`, `[::1]:5353`. Throws on anything else. */
export function parseServer(text: string): Server {
  const m = /^\[(?<six>[^\]]+)\](?::(?<p6>\d+))?$|^(?<four>[0-9.]+)(?::(?<p4>\d+))?$/.exec(text)?.groups
  const address = m?.['six'] ?? m?.['four'] ?? text
  const port = Number(m?.['p6'] ?? m?.['p4'] ?? 53)
  if (isIP(address) === 0 || port < 1 || port > 65_535) throw new Error(`${text}: not the address of a DNS server`)
  return { address, port }
}

/** resolv.conf's words that matter here. */
export function parseResolvConf(text: string): ServerList {
  const servers: Server[] = []
  let timeoutMs = 5000
  let attempts = 2
  let search: string[] = []
  let trustAd = false
  for (const line of text.split('\n')) {
    const [word, ...rest] = line
      .replace(/[#;].*/, '')
      .trim()
      .split(/\s+/)
    if (word === 'nameserver' && isIP(rest[0] ?? '') !== 0) servers.push({ address: rest[0] ?? '', port: 53 })
    if (word === 'search' || word === 'domain') search = rest.slice(0, word === 'domain' ? 1 : MAX_SEARCH)
    if (word !== 'options') continue
    if (rest.includes('trust-ad')) trustAd = true
    for (const option of rest) {
      const [, name, n] = /^(timeout|attempts):(\d+)$/.exec(option) ?? []
      if (name === 'timeout') timeoutMs = Math.min(Math.max(Number(n), 1), 30) * 1000
      if (name === 'attempts') attempts = Math.min(Math.max(Number(n), 1), 5)
    }
  }
  // resolv.conf(5): without a nameserver line it is the one on this machine.
  if (servers.length === 0) servers.push({ address: '127.0.0.1', port: 53 })
  return { servers: servers.slice(0, MAX_SERVERS), timeoutMs, attempts, search, trustAd }
}

/** The file's list, kept until the file changes. */
export class ResolvConf {
  readonly #path: string
  readonly #clock: Clock
  #checkedAt = -Infinity
  #stamp: string | undefined
  #list = parseResolvConf('')

  constructor(path: string, clock: Clock) {
    this.#path = path
    this.#clock = clock
  }

  current(): ServerList {
    const now = this.#clock.monotonic()
    if (now - this.#checkedAt < RECHECK_MS) return this.#list
    this.#checkedAt = now
    try {
      const { mtimeMs, size } = statSync(this.#path)
      if (`${mtimeMs} ${size}` === this.#stamp) return this.#list
      this.#stamp = `${mtimeMs} ${size}`
      this.#list = parseResolvConf(readFileSync(this.#path, 'utf8'))
    } catch {
      this.#stamp = undefined
      this.#list = parseResolvConf('')
    }
    return this.#list
  }
}
