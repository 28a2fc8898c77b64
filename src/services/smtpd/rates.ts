/** What each client does and how often (Postfix: anvil). */
import type { Clock } from '#src/base/mod.ts'
import { parseAddress } from '../../io/tables/mod.ts'

export type RateKind = 'connection' | 'message' | 'recipient' | 'auth' | 'tls'

/** Counts by client address. */
export interface ClientRates {
  /** A connection begins; answers how many the client has now. */
  opened(address: string): number
  closed(address: string): void
  /** One more of a kind; answers how many there were in the time unit. */
  count(kind: RateKind, address: string): number
}

interface Client {
  connections: number
  sinceMs: number
  readonly counts: Partial<Record<RateKind, number>>
}

/** Under what a client is counted: its network of so many bits. */
export function rateKey(address: string, bits: { readonly ipv4: number; readonly ipv6: number }): string {
  const parsed = parseAddress(address)
  if (parsed === undefined) return address
  const kept = parsed.bits === 32 ? bits.ipv4 : bits.ipv6
  return kept === parsed.bits ? address : `${parsed.bits}/${kept}:${parsed.value >> BigInt(parsed.bits - kept)}`
}

/** Clients that are remembered; beyond, those without a connection whose time is up are forgotten. */
const SWEEP_AT = 10_000

export class LocalRates implements ClientRates {
  readonly #clock: Clock
  readonly #unitMs: number
  readonly #clients = new Map<string, Client>()
  #sweepAt = SWEEP_AT

  constructor(clock: Clock, unitMs: number) {
    this.#clock = clock
    this.#unitMs = unitMs
  }

  opened(address: string): number {
    return ++this.#client(address).connections
  }

  closed(address: string): void {
    const client = this.#clients.get(address)
    if (client !== undefined && client.connections > 0) client.connections--
  }

  count(kind: RateKind, address: string): number {
    const client = this.#client(address)
    const now = this.#clock.monotonic()
    if (now - client.sinceMs >= this.#unitMs) {
      client.sinceMs = now
      for (const k of ['connection', 'message', 'recipient', 'auth', 'tls'] as const) delete client.counts[k]
    }
    return (client.counts[kind] = (client.counts[kind] ?? 0) + 1)
  }

  #client(address: string): Client {
    let client = this.#clients.get(address)
    if (client === undefined) {
      if (this.#clients.size >= this.#sweepAt) this.#sweep()
      client = { connections: 0, sinceMs: this.#clock.monotonic(), counts: {} }
      this.#clients.set(address, client)
    }
    return client
  }

  #sweep(): void {
    const before = this.#clock.monotonic() - this.#unitMs
    for (const [address, { connections, sinceMs }] of this.#clients) {
      if (connections === 0 && sinceMs <= before) this.#clients.delete(address)
    }
    // Where little could be forgotten, looking again at each new client would cost more than it frees.
    this.#sweepAt = Math.max(SWEEP_AT, this.#clients.size * 2)
  }
}
