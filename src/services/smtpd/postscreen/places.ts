/** postscreen_pre_queue_limit: clients that are looked at at a time, and when there are so many that all is done in haste. */

/** Of the limit: above the first part stress begins, at the second it is over. Postfix: psc_check_queue_length_hiwat, lowat. */
const HIGH = 0.9
const LOW = 0.7

export class Places {
  readonly #limit: number
  readonly #changed: (isStressed: boolean, taken: number) => void
  #taken = 0
  #isStressed = false

  /** @param changed is told when stress begins and ends */
  constructor(limit: number, changed: (isStressed: boolean, taken: number) => void = () => {}) {
    this.#limit = limit
    this.#changed = changed
  }

  /** Whether what `stress = yes` sets holds now. */
  get isStressed(): boolean {
    return this.#isStressed
  }

  /** Whether there was one. As in Postfix the client that asks counts too, so that one place fewer than named is had. */
  take(): boolean {
    if (this.#taken + 1 >= this.#limit) return false
    this.#taken++
    if (!this.#isStressed && this.#taken + 1 >= this.#limit * HIGH) this.#turn(true)
    return true
  }

  leave(): void {
    this.#taken--
    if (this.#isStressed && this.#taken <= this.#limit * LOW) this.#turn(false)
  }

  #turn(isStressed: boolean): void {
    this.#isStressed = isStressed
    this.#changed(isStressed, this.#taken)
  }
}
