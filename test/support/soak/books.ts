/** The ledger of a soak: numbered messages, what was said of each and where it turned up. An octet a message and column. */

const GROWS_BY = 1 << 20
const MOST = 255

class Column {
  #counts = new Uint8Array(GROWS_BY)

  add(n: number): void {
    if (n >= this.#counts.length) {
      const grown = new Uint8Array(Math.ceil((n + 1) / GROWS_BY) * GROWS_BY)
      grown.set(this.#counts)
      this.#counts = grown
    }
    if (at(this.#counts, n) < MOST) this.#counts[n] = at(this.#counts, n) + 1
  }

  of(n: number): number {
    return at(this.#counts, n)
  }
}

const at = (counts: Uint8Array, n: number): number => counts[n] ?? 0

export interface Account {
  readonly given: number
  readonly accepted: number
  readonly arrived: number
  /** Arrived more than once, each allowed by a reply that was lost. */
  readonly twice: number
  readonly problems: readonly string[]
}

/** Problems that are told one by one. */
const MOST_TOLD = 20

export class Books {
  #given = 0
  get given(): number {
    return this.#given
  }

  readonly #accepted = new Column()
  readonly #unanswered = new Column()
  readonly #arrived = new Column()
  readonly #perhaps = new Column()

  /** The number of a new message. */
  next(): number {
    return this.#given++
  }

  accepted(n: number): void {
    this.#accepted.add(n)
  }

  /** All of it was sent, and no final reply came: it may be there. */
  unanswered(n: number): void {
    this.#unanswered.add(n)
  }

  /** Somebody has it, and it is nowhere else any more. */
  arrived(n: number): void {
    this.#arrived.add(n)
  }

  /** It was read, and whether it was taken away is not known: it may come again, or not. */
  perhaps(n: number): void {
    this.#perhaps.add(n)
  }

  missing(): number {
    let count = 0
    for (let n = 0; n < this.#given; n++) if (this.#isMissing(n)) count++
    return count
  }

  #isMissing(n: number): boolean {
    return this.#accepted.of(n) > 0 && this.#arrived.of(n) === 0 && this.#perhaps.of(n) === 0
  }

  close(): Account {
    const problems: string[] = []
    const counts = { accepted: 0, arrived: 0, twice: 0 }
    let wrong = 0
    for (let n = 0; n < this.#given; n++) {
      const [accepted, arrived] = [this.#accepted.of(n), this.#arrived.of(n)]
      counts.accepted += accepted
      if (arrived > 0 || this.#perhaps.of(n) > 0) counts.arrived++
      if (arrived > 1) counts.twice++
      const allowed = accepted + this.#unanswered.of(n)
      const problem = this.#isMissing(n)
        ? 'was accepted, and is nowhere'
        : arrived > allowed
          ? `arrived ${arrived} times, accepted ${accepted}, unanswered ${this.#unanswered.of(n)}`
          : undefined
      if (problem !== undefined && ++wrong <= MOST_TOLD) problems.push(`message ${n} ${problem}`)
    }
    if (wrong > MOST_TOLD) problems.push(`and ${wrong - MOST_TOLD} more`)
    return { given: this.#given, ...counts, problems }
  }
}
