/** postscreen_pre_queue_limit: clients that are looked at at a time. */

export class Places {
  readonly #limit: number
  #taken = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Whether there was one. As in Postfix the client that asks counts too, so that one place fewer than named is had. */
  take(): boolean {
    if (this.#taken + 1 >= this.#limit) return false
    this.#taken++
    return true
  }

  leave(): void {
    this.#taken--
  }
}
