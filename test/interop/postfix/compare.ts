/** What two servers said, side by side. */
import { type Difference, differences as meantDifferences } from './differences.ts'

export interface Compared {
  /** `session: command` */
  readonly where: string
  readonly postfix: string
  readonly postigo: string
}

/** What differs between any two runs. */
export function masked(reply: string): string {
  return reply
    .replace(/queued as \w+/g, 'queued as QUEUEID')
    .replace(/\b[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d\b/g, 'DATE')
}

/** Counts what was compared, and keeps what differs. */
export class Comparison {
  readonly #used = new Set<Difference>()
  readonly #unexplained: Compared[] = []
  readonly #differences: readonly Difference[]
  #count = 0

  /** @param differences that are meant */
  constructor(differences: readonly Difference[] = meantDifferences) {
    this.#differences = differences
  }

  get count(): number {
    return this.#count
  }

  /** As texts that a reader can judge. */
  get unexplained(): string[] {
    return this.#unexplained.map((one) => `${one.where}\n  Postfix: ${one.postfix}\n  Postigo: ${one.postigo}`)
  }

  /** Lines of the table that nothing needed. */
  get unused(): string[] {
    return this.#differences.filter((one) => !this.#used.has(one)).map((one) => one.reason)
  }

  add(one: Compared): void {
    this.#count++
    if (one.postfix === one.postigo) return
    const meant = this.#differences.find(
      (d) => d.where.test(one.where) && d.postfix.test(one.postfix) && d.postigo.test(one.postigo),
    )
    if (meant === undefined) this.#unexplained.push(one)
    else this.#used.add(meant)
  }
}
