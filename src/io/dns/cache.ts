/**
 * A bounded cache: entries end with their time, and the least recently used make room.
 */
import type { Clock } from '../../base/mod.ts'

export class TtlCache<V> {
  readonly #entries = new Map<string, { value: V; until: number }>()
  readonly #limit: number
  readonly #clock: Clock

  constructor(limit: number, clock: Clock) {
    this.#limit = limit
    this.#clock = clock
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: string): V | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    this.#entries.delete(key)
    if (entry.until <= this.#clock.monotonic()) return undefined
    this.#entries.set(key, entry) // now the youngest
    return entry.value
  }

  set(key: string, value: V, ttlSeconds: number): void {
    if (ttlSeconds <= 0) return
    this.#entries.delete(key)
    this.#entries.set(key, { value, until: this.#clock.monotonic() + ttlSeconds * 1000 })
    if (this.#entries.size <= this.#limit) return
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest)
      return
    }
  }
}
