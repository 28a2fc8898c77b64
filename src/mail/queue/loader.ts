/** Brings recipients from the rows into the schedule: new ones at once, those asked for by name at once, deferred ones each run. */
import { type Clock, othersTurn } from '#src/base/mod.ts'
import type { Config } from '../../io/config/mod.ts'
import { queueParams } from './params.ts'
import type { Schedule } from './schedule.ts'
import type { Candidate, Cursor, QueueStore } from './store.ts'

/** Rows read in one go. */
const PAGE = 5000
/** Recipients that are held in memory at the most; the others wait in their rows. */
const HELD_LIMIT = 1_000_000

export class Loader {
  readonly #store: QueueStore
  readonly #config: () => Config
  readonly #clock: Clock
  readonly #schedule: Schedule
  #lastId = 0
  #hasMore = false
  /** By the clock that never goes back: one that is set must not hold up the queue. */
  #nextRunMs: number

  constructor(
    { store, config, clock }: { readonly store: QueueStore; readonly config: () => Config; readonly clock: Clock },
    schedule: Schedule,
  ) {
    this.#store = store
    this.#config = config
    this.#clock = clock
    this.#schedule = schedule
    this.#nextRunMs = clock.monotonic() + this.#runDelay()
  }

  /** Rows were left where they are, for so many are held in memory. */
  get hasMore(): boolean {
    return this.#hasMore
  }

  /** Answers when deferred recipients are to be looked for next, by the clock that never goes back. */
  async load(signal: AbortSignal): Promise<number> {
    await this.#loadNew(signal)
    for (let page; !signal.aborted && (page = await this.#store.takeFlushed(PAGE)).length > 0;) {
      for (const one of page) if (!one.hold) this.#schedule.add(one.due, true)
    }
    if (this.#clock.monotonic() >= this.#nextRunMs) await this.#loadDeferred(signal)
    return this.#nextRunMs
  }

  /** At a start these are all. */
  async #loadNew(signal: AbortSignal): Promise<void> {
    while (!(this.#hasMore = this.#schedule.size >= HELD_LIMIT) && !signal.aborted) {
      const page = this.#store.newer(this.#lastId, PAGE)
      this.#add(page)
      this.#lastId = page.at(-1)?.due.id ?? this.#lastId
      if (page.length < PAGE) return
      await othersTurn()
    }
  }

  async #loadDeferred(signal: AbortSignal): Promise<void> {
    const now = this.#clock.now()
    const { queue_run_delay, maximal_backoff_time } = this.#config().bind(queueParams)
    this.#nextRunMs = this.#clock.monotonic() + queue_run_delay
    this.#schedule.tidy(this.#clock.monotonic())
    await this.#store.bringForward(now, now + Math.max(maximal_backoff_time, queue_run_delay))
    for (let cursor: Cursor = { atMs: 0, id: 0 }; !signal.aborted && this.#schedule.size < HELD_LIMIT;) {
      const page = this.#store.due(cursor, now, PAGE)
      this.#add(page)
      const last = page.at(-1)
      if (last === undefined || page.length < PAGE) return
      cursor = { atMs: last.nextMs, id: last.due.id }
      await othersTurn()
    }
  }

  #add(page: readonly Candidate[]): void {
    const now = this.#clock.now()
    for (const { due, nextMs, hold } of page) if (!hold && nextMs <= now) this.#schedule.add(due)
  }

  #runDelay(): number {
    return this.#config().bind(queueParams).queue_run_delay
  }
}
