/** Connections to one server: a few at a time, kept while they are used, closed when idle. */

/** Connections to one server from one thread; more questions wait for their turn. */
const MOST_LINKS = 8
/** Questions that may wait; beyond, the server is taken to be away. */
const MOST_WAITING = 10_000

export interface Link {
  readonly isOpen: boolean
  close(): void
  /** Told when it is put by, and when it is taken up again. */
  setIdle?(idle: boolean): void
}

export class Pool<L extends Link> {
  readonly #open: () => Promise<L>
  readonly #idleMs: number
  readonly #most: number
  readonly #idle: { readonly link: L; readonly timer: NodeJS.Timeout }[] = []
  readonly #waiting: (() => void)[] = []
  #taken = 0
  #isClosed = false

  constructor(open: () => Promise<L>, idleMs: number, most = MOST_LINKS) {
    this.#open = open
    this.#idleMs = idleMs
    this.#most = most
  }

  /** Whether there is a connection. */
  get isActive(): boolean {
    return this.#taken > 0 || this.#idle.length > 0
  }

  /**
   * Runs `ask` over a connection, an idle one if there is one: `isUsed` tells, since a server may have hung up on it. A
   * connection over which something failed is closed.
   */
  async use<T>(ask: (link: L, isUsed: boolean) => Promise<T>, fresh = false): Promise<T> {
    await this.#turn()
    let link: L | undefined
    try {
      const kept = fresh ? undefined : this.#takeIdle()
      link = kept ?? (await this.#open())
      const answer = await ask(link, kept !== undefined)
      this.#putBy(link)
      return answer
    } catch (error) {
      link?.close()
      throw error
    } finally {
      this.#taken--
      this.#waiting.shift()?.()
    }
  }

  /** Idle connections are closed now, others after their answer. */
  close(): void {
    this.#isClosed = true
    this.dropIdle()
  }

  dropIdle(): void {
    for (const { link, timer } of this.#idle.splice(0)) {
      clearTimeout(timer)
      link.close()
    }
  }

  async #turn(): Promise<void> {
    while (this.#taken >= this.#most) {
      if (this.#waiting.length >= MOST_WAITING) throw new Error('too many lookups at a time')
      await new Promise<void>((done) => this.#waiting.push(done))
    }
    this.#taken++
  }

  #takeIdle(): L | undefined {
    for (let kept; (kept = this.#idle.pop()) !== undefined;) {
      clearTimeout(kept.timer)
      kept.link.setIdle?.(false)
      if (kept.link.isOpen) return kept.link
      kept.link.close()
    }
    return undefined
  }

  #putBy(link: L): void {
    if (this.#isClosed || !link.isOpen || this.#idleMs <= 0) {
      link.close()
      return
    }
    link.setIdle?.(true)
    const timer = setTimeout(() => {
      const at = this.#idle.findIndex((kept) => kept.link === link)
      if (at >= 0) this.#idle.splice(at, 1)
      link.close()
    }, this.#idleMs)
    timer.unref()
    this.#idle.push({ link, timer })
  }
}
