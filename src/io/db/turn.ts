/**
 * Write turns: a ticket lock in shared memory, first come, first served, between the threads of the server.
 * Nothing depends on it for being right, only for being fair and quick: BEGIN IMMEDIATE keeps two writers apart in any
 * case, also those of other processes, which this lock knows nothing of.
 *
 * A thread draws one ticket at a time (its own writers queue up inside the thread), so that the ticket of a thread that
 * died can be found and given up: `bury`.
 */
import { CELL, sharedBlock } from './shared.ts'

/** A wait is looked at anew this often: the notice may have been lost with a thread that died over it. */
const LOOK_AGAIN_MS = 1000

/** a comes before b, among 32-bit numbers that wrap around. */
const before = (a: number, b: number): boolean => ((a - b) | 0) < 0

export class WriteTurn {
  /** The block that all threads of the server share. */
  readonly memory: SharedArrayBuffer
  readonly #cells: Int32Array
  readonly #thread: number
  /** The thread's own queue: resolves when the last in it has released. */
  #last: Promise<void> = Promise.resolve()
  #releaseOwn: () => void = () => {}
  #ticket = 0

  /**
   * @param memory made by `WriteTurn.memory()`
   * @param thread below MAX_THREADS; no other living thread has it
   */
  constructor(memory: SharedArrayBuffer = sharedBlock(), thread = 0) {
    this.memory = memory
    this.#cells = new Int32Array(memory)
    this.#thread = thread
  }

  static memory(): SharedArrayBuffer {
    return sharedBlock()
  }

  /** Resolves when it is this caller's turn; then call `release` exactly once. */
  async take(): Promise<void> {
    const earlier = this.#last
    let release: () => void = () => {}
    this.#last = new Promise((resolve) => (release = resolve))
    await earlier
    this.#releaseOwn = release
    do this.#draw()
    while (!(await this.#served(this.#ticket)))
  }

  release(): void {
    this.#pass(this.#thread, this.#ticket)
    this.#releaseOwn()
  }

  /**
   * Gives up the ticket of a thread that died; SQLite rolled its transaction back when the connection closed. Resolves
   * when the lock can no longer wait for it. To be called by whoever sees threads end, before one restarts under that number.
   */
  async bury(thread: number): Promise<void> {
    const drawn = Atomics.load(this.#cells, CELL.drawn + thread)
    if (drawn === 0) return
    const ticket = (drawn - 1) | 0
    if (await this.#served(ticket)) this.#pass(thread, ticket)
    else Atomics.store(this.#cells, CELL.drawn + thread, 0)
  }

  #draw(): void {
    this.#ticket = Atomics.add(this.#cells, CELL.next, 1)
    Atomics.store(this.#cells, CELL.drawn + this.#thread, (this.#ticket + 1) | 0)
  }

  /** Waits until the ticket is served. False: it was passed over. */
  async #served(ticket: number): Promise<boolean> {
    for (;;) {
      const serving = Atomics.load(this.#cells, CELL.serving)
      if (serving === ticket) return true
      if (before(ticket, serving)) return false
      const wait = Atomics.waitAsync(this.#cells, CELL.serving, serving, LOOK_AGAIN_MS)
      const outcome = wait.async ? await wait.value : wait.value
      if (outcome === 'timed-out') this.#skipOrphan(serving)
    }
  }

  /** A thread that died between drawing and noting its ticket left one that nobody will ever release. */
  #skipOrphan(serving: number): void {
    const noted = (serving + 1) | 0
    if (this.#cells.indexOf(noted, CELL.drawn) < 0) this.#serveNext(serving)
  }

  #pass(thread: number, ticket: number): void {
    Atomics.store(this.#cells, CELL.drawn + thread, 0)
    this.#serveNext(ticket)
  }

  #serveNext(ticket: number): void {
    Atomics.compareExchange(this.#cells, CELL.serving, ticket, (ticket + 1) | 0)
    Atomics.notify(this.#cells, CELL.serving)
  }
}
