/** Who is in a maildrop, and when somebody was: what other sessions of this server must know. RFC 1939 §4, RFC 2449 §6.5. */
import { locks } from 'node:worker_threads'
import type { Clock } from '../../base/mod.ts'

/** Log-ins that are remembered at the most; then the oldest are forgotten. */
const LOGINS_LIMIT = 100_000

export class Visits {
  readonly #clock: Clock
  readonly #name: string
  /** By account, the oldest first. */
  readonly #logins = new Map<number, number>()

  /** @param name tells servers of one process apart */
  constructor(clock: Clock, name: string) {
    this.#clock = clock
    this.#name = name
  }

  /**
   * The lock of a maildrop: what gives it back; undefined while another session has it, on whichever thread. A thread that dies
   * gives back its own.
   */
  async lock(account: number): Promise<(() => void) | undefined> {
    const { promise, resolve } = Promise.withResolvers<(() => void) | undefined>()
    const held = locks.request(`${this.#name} maildrop ${account}`, { ifAvailable: true }, (lock) => {
      if (lock === null) {
        resolve(undefined)
        return undefined
      }
      return new Promise<void>((release) => resolve(release))
    })
    held.catch(() => resolve(undefined))
    return promise
  }

  /** Whether the last log-in is longer ago than `delayMs`; then this one is remembered. Counted by each thread for itself. */
  mayEnter(account: number, delayMs: number): boolean {
    if (delayMs <= 0) return true
    const now = this.#clock.monotonic()
    const last = this.#logins.get(account)
    if (last !== undefined && now - last < delayMs) return false
    this.#logins.delete(account) // so that it goes to the end
    this.#logins.set(account, now)
    const [oldest] = this.#logins.keys()
    if (this.#logins.size > LOGINS_LIMIT && oldest !== undefined) this.#logins.delete(oldest)
    return true
  }
}
