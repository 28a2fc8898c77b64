/**
 * Write turns: a ticket lock in shared memory, first come, first served, between the threads of the server.
 * Other processes are kept apart by SQLite's own lock (SQLITE_BUSY), which this lock knows nothing of.
 *
 * A thread draws one ticket at a time (its own writers queue up inside the thread), so that the tickets of a thread that
 * died can be found and given up: `bury`.
 */

/** Most threads that may share a lock. */
export const MAX_THREADS = 64

/** Cells: next ticket, ticket being served, then for each thread its ticket + 1 (0: none drawn). */
const NEXT = 0
const SERVING = 1
const DRAWN = 2

/** A wait is looked at anew this often: the notice may have been given by a thread that died over it. */
const LOOK_AGAIN_MS = 1000

export class WriteTurn {
  readonly #cells: Int32Array
  readonly #thread: number
  /** The thread's own queue: the last in it. */
  #last: Promise<void> = Promise.resolve()
  #releaseOwn: () => void = () => {}

  /**
   * @param memory shared between the threads, made by `WriteTurn.memory()`
   * @param thread below MAX_THREADS; no other living thread has it
   */
  constructor(memory: SharedArrayBuffer = WriteTurn.memory(), thread = 0) {
    this.#cells = new Int32Array(memory)
    this.#thread = thread
  }

  static memory(): SharedArrayBuffer {
    return new SharedArrayBuffer((DRAWN + MAX_THREADS) * 4)
  }

  /** Resolves when it is this caller's turn; then call `release` exactly once. */
  async take(): Promise<void> {
    const before = this.#last
    let release: () => void = () => {}
    this.#last = new Promise((resolve) => (release = resolve))
    await before
    this.#releaseOwn = release
    const ticket = Atomics.add(this.#cells, NEXT, 1)
    Atomics.store(this.#cells, DRAWN + this.#thread, (ticket + 1) | 0)
    await this.#served(ticket)
  }

  release(): void {
    this.#advance(this.#thread)
    this.#releaseOwn()
  }

  /**
   * Gives up the ticket of a thread that died; SQLite rolled its transaction back when the connection closed. Resolves
   * when the lock can no longer wait for it.
   */
  async bury(thread: number): Promise<void> {
    const drawn = Atomics.load(this.#cells, DRAWN + thread)
    if (drawn === 0) return
    await this.#served((drawn - 1) | 0)
    this.#advance(thread)
  }

  async #served(ticket: number): Promise<void> {
    for (;;) {
      const serving = Atomics.load(this.#cells, SERVING)
      if (serving === ticket) return
      if (((serving - ticket) | 0) > 0) throw new Error('The turn was given up: this thread was taken for dead')
      const wait = Atomics.waitAsync(this.#cells, SERVING, serving, LOOK_AGAIN_MS)
      if (wait.async) await wait.value
    }
  }

  #advance(thread: number): void {
    Atomics.store(this.#cells, DRAWN + thread, 0)
    Atomics.add(this.#cells, SERVING, 1)
    Atomics.notify(this.#cells, SERVING)
  }
}
