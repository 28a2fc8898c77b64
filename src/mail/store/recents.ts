/** Which messages are \Recent for one session: ranges of UIDs that it was the first to be told of. RFC 3501 §2.3.2. */
import type { View } from './view.ts'
import type { Numbers } from './numbers.ts'

/** Ranges kept; the oldest are forgotten, their messages are recent no more. */
const KEPT = 32

export class Recents {
  /** from, to (exclusive), from, to … ascending. */
  #ranges: number[] = []

  get empty(): boolean {
    return this.#ranges.length === 0
  }

  add(from: number, to: number): void {
    if (from >= to) return
    if (this.#ranges.at(-1) === from) this.#ranges[this.#ranges.length - 1] = to
    else this.#ranges.push(from, to)
    if (this.#ranges.length > 2 * KEPT) this.#ranges = this.#ranges.slice(2)
  }

  has(uid: number): boolean {
    for (let i = this.#ranges.length - 2; i >= 0; i -= 2)
      if (uid >= (this.#ranges[i] ?? 0)) return uid < (this.#ranges[i + 1] ?? 0)
    return false
  }

  /** How many messages of the session they are. */
  count(view: View, numbers: Numbers): number {
    let count = 0
    for (let i = 0; i < this.#ranges.length; i += 2) {
      const from = view.entries.lowerBound(this.#ranges[i] ?? 0, numbers.limit)
      const to = view.entries.lowerBound(this.#ranges[i + 1] ?? 0, numbers.limit)
      count += numbers.seqAt(to) - numbers.seqAt(from)
    }
    return count
  }
}
