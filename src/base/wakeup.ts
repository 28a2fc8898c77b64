/**
 * A counter in shared memory that one thread raises and others wait on: "there is something new for you".
 * A hint only: what is new stands in the database.
 */
export class Wakeup {
  readonly #cell: Int32Array

  /** @param memory at least 4 octets from `offset`, shared between the threads that use it */
  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(4), offset = 0) {
    this.#cell = new Int32Array(memory, offset, 1)
  }

  /** Wakes every waiter, in all threads. */
  notify(): void {
    Atomics.add(this.#cell, 0, 1)
    Atomics.notify(this.#cell, 0)
  }

  /** The counter now; pass it to `changed` so that nothing falls between looking and waiting. */
  get value(): number {
    return Atomics.load(this.#cell, 0)
  }

  /** Resolves true when the counter is no longer `seen`, false after `timeoutMs`. */
  async changed(seen: number, timeoutMs = Infinity): Promise<boolean> {
    const wait = Atomics.waitAsync(this.#cell, 0, seen, timeoutMs)
    const outcome = wait.async ? await wait.value : wait.value
    return outcome !== 'timed-out'
  }
}
