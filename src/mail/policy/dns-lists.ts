/**
 * DNS lists: asked within a time limit, and believed only while they keep to RFC 5782.
 */
import type { Resolver } from '../../io/dns/mod.ts'

/** What a list says of one name. */
export type ListAnswer =
  | { readonly status: 'listed'; readonly addresses: readonly string[]; readonly ttlSeconds?: number }
  /** `ttlSeconds`: how long that holds; undefined: nobody said. */
  | { readonly status: 'clean'; readonly ttlSeconds?: number }
  | { readonly status: 'failed'; readonly reason: string; readonly late?: true }

/** How long the verdict about a list holds. */
const HEALTH_MS = 3_600_000
const MAX_HEALTH = 1000
/** Octets of TXT records that go into a reply, as in Postfix. */
const MAX_TXT = 500

interface Health {
  readonly at: number
  readonly sound: Promise<string | undefined>
}

/** Asks lists, and keeps an eye on whether they can be believed. */
export class DnsLists {
  readonly #dns: Resolver
  readonly #selfTest: boolean
  readonly #limitMs: number
  readonly #health = new Map<string, Health>()

  constructor(dns: Resolver, options: { readonly selfTest: boolean; readonly limitMs: number }) {
    this.#dns = dns
    this.#selfTest = options.selfTest
    this.#limitMs = options.limitMs
  }

  /** Within the time limit; a list that is dead, lists everything or is late lists nobody. */
  async ask(name: string, zone: string): Promise<ListAnswer> {
    const { promise, resolve } = Promise.withResolvers<ListAnswer>()
    const late = { status: 'failed', reason: 'time limit', late: true } as const
    const timer = setTimeout(() => resolve(late), this.#limitMs)
    try {
      return await Promise.race([promise, this.#believe(name, zone)])
    } finally {
      clearTimeout(timer)
    }
  }

  /** The text that a list gives for an entry; records joined, cut to what fits a reply. */
  async text(name: string): Promise<string> {
    const answer = await this.#dns.query(name, 'TXT')
    return answer.status === 'ok'
      ? answer.records
          .map((r) => r.value)
          .join(' / ')
          .slice(0, MAX_TXT)
      : ''
  }

  /** What is wrong with a list, undefined for nothing. RFC 5782 §5. */
  fault(zone: string, kind: 'address' | 'name'): Promise<string | undefined> {
    const key = `${kind} ${zone}`
    const now = performance.now()
    const known = this.#health.get(key)
    if (known !== undefined && now - known.at < HEALTH_MS) return known.sound
    if (this.#health.size >= MAX_HEALTH) this.#health.clear()
    const sound = this.#test(zone, kind)
    this.#health.set(key, { at: now, sound })
    return sound
  }

  async #believe(name: string, zone: string): Promise<ListAnswer> {
    const kind = /^\d+\.\d+\.\d+\.\d+\.|^([0-9a-f]\.){32}/.test(name) ? 'address' : 'name'
    const [answer, fault] = await Promise.all([
      this.#dns.query(name, 'A'),
      this.#selfTest ? this.fault(zone, kind) : undefined,
    ])
    if (answer.status === 'failed') return answer
    if (answer.status !== 'ok') {
      const { ttlSeconds } = answer
      return ttlSeconds === undefined ? { status: 'clean' } : { status: 'clean', ttlSeconds }
    }
    // 127.255.255.0/24 is how lists say "you may not ask like this" (over quota, open resolver): never "listed".
    const addresses = answer.records.map((r) => r.value).filter((a) => !a.startsWith('127.255.255.'))
    if (addresses.length === 0) return { status: 'clean' }
    if (fault !== undefined) return { status: 'failed', reason: fault }
    return { status: 'listed', addresses, ttlSeconds: answer.ttlSeconds }
  }

  async #test(zone: string, kind: 'address' | 'name'): Promise<string | undefined> {
    const [mustNot, must] = kind === 'address' ? ['1.0.0.127', '2.0.0.127'] : ['invalid', undefined]
    const [clean, listed] = await Promise.all([
      this.#dns.query(`${mustNot}.${zone}`, 'A'),
      must === undefined ? undefined : this.#dns.query(`${must}.${zone}`, 'A'),
    ])
    if (clean.status === 'ok') return `${zone} lists everything`
    // Name lists have no test entry that all of them keep.
    const dead = listed?.status === 'nxdomain' || listed?.status === 'nodata'
    return dead ? `${zone} is dead: it does not list 127.0.0.2` : undefined
  }
}
