/**
 * The change feed: counters in shared memory, a slot by account, raised after each commit that changed something of
 * the account. A counter is a hint; what changed stands in the database. Accounts that share a slot wake each other
 * for nothing, no more.
 *
 * Tools do not change mailboxes behind a running server: they ask it over its socket (ARCHITECTURE §4), so a commit
 * of another process has no counter here.
 */
import { Wakeup } from '../../base/mod.ts'
import type { AccountId } from '../accounts/mod.ts'

const SLOTS = 4096

/** Octets that a feed needs, for `new SharedArrayBuffer(FEED_OCTETS)`. */
export const FEED_OCTETS = 4 * (SLOTS + 1)

interface Watch {
  seen: number
  readonly wakers: Set<() => void>
}

/** One a thread, all over the same memory. */
export class ChangeFeed {
  readonly #slots: Int32Array
  readonly #wakeup: Wakeup
  readonly #watches = new Map<number, Watch>()
  #listening = false
  #notifying = false

  /** @param memory FEED_OCTETS, shared by the threads; its own when there is one thread only */
  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(FEED_OCTETS)) {
    this.#slots = new Int32Array(memory, 4, SLOTS)
    this.#wakeup = new Wakeup(memory, 0)
  }

  /** The counter of an account; differs from an earlier answer when something may have changed. */
  value(account: AccountId): number {
    return Atomics.load(this.#slots, account % SLOTS)
  }

  /** Something of the account was committed. Many of these in one turn are one wake-up. */
  changed(account: AccountId): void {
    Atomics.add(this.#slots, account % SLOTS, 1)
    if (this.#notifying) return
    this.#notifying = true
    queueMicrotask(() => {
      this.#notifying = false
      this.#wakeup.notify()
    })
  }

  /** Calls `wake` after each change of the account, from whatever thread, until the returned function is called. */
  watch(account: AccountId, wake: () => void): () => void {
    const slot = account % SLOTS
    let watch = this.#watches.get(slot)
    if (watch === undefined) {
      watch = { seen: this.value(account), wakers: new Set() }
      this.#watches.set(slot, watch)
    }
    const { wakers } = watch
    wakers.add(wake)
    if (!this.#listening) void this.#listen()
    return () => {
      wakers.delete(wake)
      if (wakers.size === 0 && this.#watches.get(slot)?.wakers === wakers) this.#watches.delete(slot)
    }
  }

  async #listen(): Promise<void> {
    this.#listening = true
    while (this.#watches.size > 0) {
      const seen = this.#wakeup.value
      this.#wake()
      await this.#wakeup.changed(seen) // does not keep the process alive
    }
    this.#listening = false
  }

  #wake(): void {
    for (const [slot, watch] of this.#watches) {
      const now = Atomics.load(this.#slots, slot)
      if (now === watch.seen) continue
      watch.seen = now
      for (const wake of watch.wakers) wake()
    }
  }
}
