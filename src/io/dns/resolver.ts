/**
 * The resolver: cache, equal questions joined, servers in order, each within its time.
 */
import { randomInt } from 'node:crypto'
import { systemClock, type Clock } from '../../base/mod.ts'
import { TtlCache } from './cache.ts'
import { clientName } from './client-name.ts'
import type { DnsAnswer, DnsType, HostAddresses, Resolver, SearchRules } from './contract.ts'
import { exchange, NoReply } from './exchange.ts'
import { HostsFile } from './hosts.ts'
import { isLoopback, queryName } from './names.ts'
import { parseServer, ResolvConf, type Server, type ServerList } from './resolv-conf.ts'
import { ownDomain, searched } from './search.ts'
import type { ParsedReply, Question } from './wire.ts'

export interface ResolverOptions {
  /** `127.0.0.1`, `[::1]:5353`; instead of those in resolv.conf. */
  readonly servers?: readonly string[]
  readonly resolvConf?: string
  readonly hostsFile?: string
  /**
   * Addresses of servers whose AD bit is believed: the way to them is safe and they validate (RFC 6840 §5.8). Without it
   * those on this machine are, and with `options trust-ad` in resolv.conf all.
   */
  readonly trusted?: readonly string[]
  /** Domains for questions that are searched; instead of those in resolv.conf. */
  readonly search?: readonly string[]
  /** For one try at one server; default resolv.conf's, 5 s. */
  readonly timeoutMs?: number
  readonly attempts?: number
  /** Answers kept. */
  readonly cacheEntries?: number
  readonly clock?: Clock
}

/** Longest time that any answer is believed, and that "there is none" is. RFC 2308 §7 allows 3 hours at most. */
const MAX_TTL_S = 86_400
const MAX_NEGATIVE_TTL_S = 3600
/** "There is none" without an SOA record is no news for long. */
const BARE_NEGATIVE_TTL_S = 30
/** RFC 2308 §7.1: a failure may be remembered, at most 5 minutes. */
const FAILED_TTL_S = 10
/** After this many questions in a row without any reply, servers count as away: one short try each until one answers. */
const AWAY_AFTER = 2
const AWAY_TIMEOUT_MS = 250
/** Questions under way at once; more wait for nobody and fail. */
const MAX_UNDER_WAY = 2000
/** Replies that only point on to another name. */
const MAX_ALIASES = 6

export function createResolver(options: ResolverOptions = {}): Resolver {
  return new StubResolver(options)
}

class StubResolver implements Resolver {
  readonly #hosts: HostsFile
  readonly #list: () => ServerList
  readonly #trusted: ReadonlySet<string> | undefined
  readonly #cache: TtlCache<DnsAnswer>
  readonly #underWay = new Map<string, Promise<DnsAnswer>>()
  readonly #stop = new AbortController()
  /** Questions in a row that no server replied to. */
  #silent = 0

  constructor(options: ResolverOptions) {
    const clock = options.clock ?? systemClock
    this.#hosts = new HostsFile(options.hostsFile ?? '/etc/hosts', clock)
    const servers = options.servers?.map(parseServer)
    const conf = new ResolvConf(options.resolvConf ?? '/etc/resolv.conf', clock)
    this.#list = () => {
      const list = conf.current()
      return {
        servers: servers ?? list.servers,
        timeoutMs: options.timeoutMs ?? list.timeoutMs,
        attempts: options.attempts ?? list.attempts,
        search: options.search ?? (list.search.length > 0 ? list.search : ownDomain()),
        trustAd: list.trustAd,
      }
    }
    this.#trusted = options.trusted && new Set(options.trusted)
    this.#cache = new TtlCache(options.cacheEntries ?? 10_000, clock)
  }

  query(name: string, type: DnsType, search?: SearchRules): Promise<DnsAnswer> {
    if (search === undefined) return this.#query(name, type)
    return searched(name, this.#list().search, search, (one) => this.#query(one, type))
  }

  async #query(name: string, type: DnsType): Promise<DnsAnswer> {
    const ascii = queryName(name)
    if (ascii === undefined) return { status: 'nxdomain', secure: false }
    const key = `${type} ${ascii}`
    const known = this.#cache.get(key)
    if (known !== undefined) return known
    const joined = this.#underWay.get(key)
    if (joined !== undefined) return joined
    if (this.#stop.signal.aborted) return { status: 'failed', reason: 'the resolver is closed' }
    if (this.#underWay.size >= MAX_UNDER_WAY) return { status: 'failed', reason: 'too many questions under way' }
    const asking = this.#ask({ name: ascii, type })
      .then(({ answer, ttlSeconds }) => {
        this.#cache.set(key, answer, ttlSeconds)
        return answer
      })
      .finally(() => this.#underWay.delete(key))
    this.#underWay.set(key, asking)
    return asking
  }

  async addresses(host: string): Promise<HostAddresses> {
    const listed = this.#hosts.addressesOf(host.endsWith('.') ? host.slice(0, -1) : host)
    if (listed.length > 0) return { status: 'ok', addresses: listed }
    const both = await Promise.all([this.query(host, 'A'), this.query(host, 'AAAA')])
    const addresses = both.flatMap((a) => (a.status === 'ok' ? a.records.map((r) => r.value) : []))
    if (addresses.length > 0) return { status: 'ok', addresses }
    const failed = both.find((a) => a.status === 'failed')
    return failed ?? { status: 'none' }
  }

  clientName(address: string): ReturnType<Resolver['clientName']> {
    return clientName(address, this.#hosts, this)
  }

  close(): void {
    this.#stop.abort()
  }

  async #ask(first: Question): Promise<{ answer: DnsAnswer; ttlSeconds: number }> {
    let question = first
    let secure = true
    for (let aliases = 0; aliases <= MAX_ALIASES; aliases++) {
      const heard = await this.#hear(question)
      if (typeof heard === 'string') return failed(heard)
      const { reply, server } = heard
      secure &&= reply.authentic && this.#trusts(server)
      if (reply.rcode === 'noerror' && reply.records.length > 0) {
        const ttlSeconds = Math.min(MAX_TTL_S, ...reply.records.map((r) => r.ttlSeconds))
        const { name } = question
        const records = aliases === 0 ? reply.records : reply.records.map((record) => ({ name, ...record }))
        return { answer: { status: 'ok', records, ttlSeconds, secure }, ttlSeconds }
      }
      const alias = reply.rcode === 'noerror' ? queryName(reply.alias ?? '') : undefined
      if (alias === undefined) {
        const status = reply.rcode === 'nxdomain' ? 'nxdomain' : 'nodata'
        const { negativeTtl: said } = reply
        const ttlSeconds = Math.min(said ?? BARE_NEGATIVE_TTL_S, MAX_NEGATIVE_TTL_S)
        return { answer: { status, secure, ...(said !== undefined && { ttlSeconds: said }) }, ttlSeconds }
      }
      question = { name: alias, type: first.type }
    }
    return failed('a CNAME chain without end')
  }

  #trusts({ address }: Server): boolean {
    return this.#trusted?.has(address) ?? (isLoopback(address) || this.#list().trustAd)
  }

  /** The first reply that decides, or why there is none. */
  async #hear(question: Question): Promise<{ reply: ParsedReply; server: Server } | string> {
    const { servers, timeoutMs, attempts } = this.#list()
    const away = this.#silent >= AWAY_AFTER
    let why = 'no DNS server'
    let silent = true
    for (let attempt = 0; attempt < (away ? 1 : attempts); attempt++) {
      for (const server of servers) {
        try {
          const reply = await this.#tell(server, question, away ? Math.min(timeoutMs, AWAY_TIMEOUT_MS) : timeoutMs)
          this.#silent = 0
          silent = false
          if (reply.rcode === 'noerror' || reply.rcode === 'nxdomain') return { reply, server }
          why = `${server.address}: ${reply.rcodeText}`
        } catch (error) {
          if (!(error instanceof NoReply)) throw error
          why = error.message
        }
        if (this.#stop.signal.aborted) return why
      }
    }
    if (silent) this.#silent++
    return why
  }

  /** A server that does not know EDNS is asked once more without. RFC 6891 §7. */
  async #tell(server: Server, question: Question, timeoutMs: number): Promise<ParsedReply> {
    const asking = { question, timeoutMs, signal: this.#stop.signal }
    const reply = await exchange(server, { ...asking, id: randomInt(65_536), edns: true })
    if (reply.rcode !== 'formerr') return reply
    return exchange(server, { ...asking, id: randomInt(65_536), edns: false })
  }
}

function failed(reason: string): { answer: DnsAnswer; ttlSeconds: number } {
  return { answer: { status: 'failed', reason }, ttlSeconds: FAILED_TTL_S }
}
