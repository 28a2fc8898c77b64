/** What each client does and how often (Postfix: anvil). */
import { type Clock, SharedSets } from '#src/base/mod.ts'
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

/** Under what a client is counted: its network of so many bits. */
export function rateKey(address: string, bits: { readonly ipv4: number; readonly ipv6: number }): string {
  const parsed = parseAddress(address)
  if (parsed === undefined) return address
  const kept = parsed.bits === 32 ? bits.ipv4 : bits.ipv6
  return kept === parsed.bits ? address : `${parsed.bits}/${kept}:${parsed.value >> BigInt(parsed.bits - kept)}`
}

/** Connections are counted for each thread, so that those of one that died can be forgotten: two threads a word. */
const THREADS = 64
const CONNECTIONS_MAX = 0xffff
/** Words of a slot: connections by thread, since when is counted, what. */
const SINCE = THREADS / 2
const COUNTS = SINCE + 1
const KINDS: readonly RateKind[] = ['connection', 'message', 'recipient', 'auth', 'tls']
const SHAPE = { sets: 1024, ways: 8, words: COUNTS + KINDS.length }

export interface RatesDeps {
  readonly memory: SharedArrayBuffer
  /** Below 64, no other living thread has it. */
  readonly thread: number
  readonly clock: Clock
}

/**
 * What all threads count together, in a table of fixed size. In a crowd that fills a set of it, the client with the fewest
 * connections, and of these the one that was first heard of, gives way and begins anew: nobody is refused for want of room.
 */
export class SharedRates {
  readonly #sets: SharedSets
  readonly #clock: Clock
  readonly #thread: number

  /** Made once, for all threads. */
  static memory(): SharedArrayBuffer {
    return SharedSets.memory(SHAPE)
  }

  constructor({ memory, thread, clock }: RatesDeps) {
    this.#sets = new SharedSets(memory, SHAPE)
    this.#clock = clock
    this.#thread = thread
  }

  /** Forgets the connections of this thread: one that had its number before has died. */
  begin(): void {
    this.#sets.each((slot) => void (this.#connections(slot)[this.#thread] = 0))
  }

  /** Of one service (Postfix's anvil: service:client). @param unitMs anvil_rate_time_unit */
  of(service: string, unitMs: number): ClientRates {
    const keyOf = (address: string): string => `${service}:${address}`
    const worth = (slot: Int32Array): number => this.#total(slot) * 2 ** 32 + (slot[SINCE] ?? 0)
    return {
      opened: (address) =>
        this.#sets.take(keyOf(address), worth, (slot) => {
          this.#renew(slot, unitMs)
          const own = this.#connections(slot)
          own[this.#thread] = Math.min(CONNECTIONS_MAX, (own[this.#thread] ?? 0) + 1)
          return this.#total(slot)
        }),
      closed: (address) => {
        this.#sets.find(keyOf(address), (slot) => {
          const own = this.#connections(slot)
          own[this.#thread] = Math.max(0, (own[this.#thread] ?? 0) - 1)
        })
      },
      count: (kind, address) =>
        this.#sets.take(keyOf(address), worth, (slot) => {
          this.#renew(slot, unitMs)
          const at = COUNTS + KINDS.indexOf(kind)
          return (slot[at] = (slot[at] ?? 0) + 1)
        }),
    }
  }

  #connections(slot: Int32Array): Uint16Array {
    return new Uint16Array(slot.buffer, slot.byteOffset, THREADS)
  }

  #total(slot: Int32Array): number {
    return this.#connections(slot).reduce((sum, count) => sum + count, 0)
  }

  /** Counts begin anew when the time is up; also where the clock was set back. In seconds, which 32 bits hold until 2106. */
  #renew(slot: Int32Array, unitMs: number): void {
    const now = Math.floor(this.#clock.now() / 1000)
    const since = (slot[SINCE] ?? 0) >>> 0
    if (since <= now && (now - since) * 1000 < unitMs) return
    slot[SINCE] = now | 0
    slot.fill(0, COUNTS)
  }
}
