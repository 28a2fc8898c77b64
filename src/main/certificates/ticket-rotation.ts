/** Replaces the key of TLS sessions as often as a session may last. Main's thread alone does it. */
import type { Clock } from '#src/base/mod.ts'
import type { TicketKeys } from '../../io/net/mod.ts'

const LOOK_EVERY_MS = 30_000

export class TicketRotation {
  readonly #keys: TicketKeys
  readonly #lifetimeMs: () => number
  readonly #clock: Pick<Clock, 'monotonic'>
  #rotatedMs: number
  #timer: NodeJS.Timeout | undefined

  constructor(keys: TicketKeys, lifetimeMs: () => number, clock: Pick<Clock, 'monotonic'>) {
    this.#keys = keys
    this.#lifetimeMs = lifetimeMs
    this.#clock = clock
    this.#rotatedMs = clock.monotonic()
  }

  start(): void {
    this.#timer = setInterval(() => this.look(), LOOK_EVERY_MS)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  look(): void {
    const lifetimeMs = this.#lifetimeMs()
    const now = this.#clock.monotonic()
    if (lifetimeMs === 0 || now - this.#rotatedMs < lifetimeMs) return
    this.#rotatedMs = now
    this.#keys.rotate()
  }
}
