/**
 * Writing what became of recipients, whatever it takes. A delivery whose result is lost is made again, so where the disk is
 * full the result waits in memory and no further delivery begins.
 */
import { publish } from '#src/base/mod.ts'
import { isBusy, isFailing, isFull } from '../../io/db/mod.ts'
import type { QueueEvent } from './events.ts'
import type { QueueStore, Settlement } from './store.ts'

/** Rows that one transaction changes at the most. */
const WRITE_LIMIT = 500
const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 5000

export class Settling {
  readonly #store: Pick<QueueStore, 'settle'>
  readonly #signal: AbortSignal
  #stuck = 0

  /** @param signal the end of the run: what cannot be written then is given up */
  constructor(store: Pick<QueueStore, 'settle'>, signal: AbortSignal) {
    this.#store = store
    this.#signal = signal
  }

  /** Results wait that cannot be written. */
  get isStuck(): boolean {
    return this.#stuck > 0
  }

  /** Answers whether the message is gone with these. Rejects with what is no matter of room. */
  async write(queueId: string, message: number, settlements: readonly Settlement[]): Promise<boolean> {
    let gone = false
    for (let at = 0; at < settlements.length; at += WRITE_LIMIT) {
      const some = settlements.slice(at, at + WRITE_LIMIT)
      gone = await this.#insist(queueId, () => this.#store.settle(message, some))
    }
    return gone
  }

  async #insist(queueId: string, settle: () => Promise<boolean>): Promise<boolean> {
    try {
      return await settle()
    } catch (error) {
      if (!this.#passes(error)) throw error
      const text = `${queueId}: what became of it cannot be written: ${String(error)}; no delivery begins until it is`
      publish<QueueEvent>({ event: 'queue.warning', text })
    }
    this.#stuck++
    try {
      for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
        await pause(pauseMs, this.#signal)
        try {
          return await settle()
        } catch (error) {
          if (!this.#passes(error)) throw error
        }
      }
    } finally {
      this.#stuck--
    }
  }

  #passes(error: unknown): boolean {
    return !this.#signal.aborted && (isFull(error) || isFailing(error) || isBusy(error))
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resume) => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resume()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done, { once: true })
    if (signal.aborted) done()
  })
}
