/**
 * How many deliveries a destination gets at a time: more with each that goes well, fewer with each that fails, none for a
 * while once it is dead. Pure arithmetic. Postfix: qmgr_queue.c, qmgr_feedback.c; SCHEDULER_README.
 */

/** `1/concurrency`: `amount` divided by the window, by its root, or by nothing. */
export interface Feedback {
  readonly amount: number
  readonly divisor: 'none' | 'concurrency' | 'sqrt_concurrency'
}

export interface WindowLimits {
  readonly initial: number
  /** 0: no limit. */
  readonly limit: number
  readonly positive: Feedback
  readonly negative: Feedback
  /** So many pseudo-cohorts of failures in a row, and the destination is dead; 0: never. */
  readonly failedCohortLimit: number
}

/** Throws RangeError for what is neither `NUMBER`, `NUMBER/NUMBER`, `NUMBER/concurrency` nor `NUMBER/sqrt_concurrency`. */
export function parseFeedback(text: string): Feedback {
  const [, amountText = '', by = ''] = /^\s*(\d+(?:\.\d*)?|\.\d+)\s*(?:\/\s*(\w+(?:\.\d*)?)\s*)?$/.exec(text) ?? []
  const amount = Number(amountText)
  if (amountText === '')
    throw new RangeError(`${text} is no feedback: NUMBER, NUMBER/concurrency or NUMBER/sqrt_concurrency`)
  if (by === '') return { amount, divisor: 'none' }
  if (by === 'concurrency' || by === 'sqrt_concurrency') return { amount, divisor: by }
  const divisor = Number(by)
  if (!(divisor > 0))
    throw new RangeError(`${text} is no feedback: the divisor is a number, concurrency or sqrt_concurrency`)
  return { amount: amount / divisor, divisor: 'none' }
}

function amountAt({ amount, divisor }: Feedback, window: number): number {
  return divisor === 'none' ? amount : amount / (divisor === 'concurrency' ? window : Math.sqrt(window))
}

export class ConcurrencyWindow {
  #window: number
  #success = 0
  #failure = 0
  #failedCohorts = 0

  constructor(limits: WindowLimits) {
    this.#window = capped(limits.initial, limits)
  }

  /** Deliveries at a time; 0 while the destination is dead. */
  get size(): number {
    return this.#window
  }

  get dead(): boolean {
    return this.#window === 0
  }

  /** A delivery met a server that speaks, whatever it said of recipients. @param busy deliveries in progress, this one too */
  succeeded(limits: WindowLimits, busy: number): void {
    if (this.dead) this.revive(limits)
    this.#failedCohorts = 0
    if (limits.limit !== 0 && this.#window >= limits.limit) return
    if (this.#window >= busy + limits.initial) return // no faster than it is used
    const feedback = amountAt(limits.positive, this.#window)
    this.#success += feedback
    while (feedback > 0 && this.#success + feedback / 2 >= 1) {
      this.#window++
      this.#success--
      this.#failure = 0
    }
    this.#window = capped(this.#window, limits)
  }

  /** A delivery found nobody to talk to. */
  failed(limits: WindowLimits): void {
    if (this.dead) return
    this.#failedCohorts += 1 / this.#window
    // A sum of fractions: three thirds must make one.
    if (limits.failedCohortLimit > 0 && this.#failedCohorts >= limits.failedCohortLimit - 1e-9) {
      this.#window = 0
      return
    }
    const feedback = amountAt(limits.negative, this.#window)
    this.#failure -= feedback
    while (feedback > 0 && this.#failure - feedback / 2 < 0) {
      this.#window--
      this.#success = 0
      this.#failure++
    }
    this.#window = Math.max(1, this.#window)
  }

  /** A dead destination is tried again, as a new one. */
  revive(limits: WindowLimits): void {
    this.#window = capped(limits.initial, limits)
    this.#success = this.#failure = this.#failedCohorts = 0
  }
}

function capped(size: number, { limit }: WindowLimits): number {
  return limit === 0 ? size : Math.min(size, limit)
}
