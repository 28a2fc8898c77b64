/**
 * Plain passwords found right lately, as keyed digests under a key of this process: a client that logs in every minute
 * does not pay for the hash each time. Only success is remembered, so a wrong password always costs the whole check.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../../base/mod.ts'

const REMEMBERED_MS = 5 * 60_000
const REMEMBERED_MAX = 10_000
const NO_STAMP = Buffer.alloc(12)

interface Memory {
  readonly digest: Buffer
  readonly untilMs: number
}

export class RememberedPasswords {
  readonly #clock: Clock
  readonly #key = randomBytes(32)
  readonly #known = new Map<number, Memory>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * As much is computed where nothing is remembered.
   * @param account undefined where there is none
   * @param stamp of the credential that was compared: another one, set since, is not known
   */
  has(account: number | undefined, stamp: Buffer | undefined, password: string): boolean {
    const digest = this.#digest(stamp ?? NO_STAMP, password)
    const memory = account === undefined ? undefined : this.#known.get(account)
    if (!memory || account === undefined) return false
    if (memory.untilMs > this.#clock.monotonic()) return timingSafeEqual(memory.digest, digest)
    this.#known.delete(account)
    return false
  }

  add(account: number, stamp: Buffer, password: string): void {
    this.#known.delete(account) // so that it goes to the end: the first is the oldest
    this.#known.set(account, {
      digest: this.#digest(stamp, password),
      untilMs: this.#clock.monotonic() + REMEMBERED_MS,
    })
    const [oldest] = this.#known.keys()
    if (this.#known.size > REMEMBERED_MAX && oldest !== undefined) this.#known.delete(oldest)
  }

  /** All, or one account's (a ban, say). */
  forget(account?: number): void {
    if (account === undefined) this.#known.clear()
    else this.#known.delete(account)
  }

  #digest(stamp: Buffer, password: string): Buffer {
    return createHmac('sha256', this.#key).update(stamp).update(password).digest()
  }
}
