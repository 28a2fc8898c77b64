/**
 * Several servers with the same answers: one that is connected is asked, sockets of this machine first; else one by
 * chance. One that failed is left alone for a while. As Postfix's pgsql and mysql clients do it.
 */
import type { Clock } from '../../../base/mod.ts'
import { type Link, Pool } from './pool.ts'
import { queryError, warn } from './settings.ts'

export interface Host {
  /** As configured, for messages. */
  readonly shown: string
  readonly isLocal: boolean
  /** A name or address; for a local one a path. */
  readonly address: string
  readonly port: number | undefined
}

export interface HostTimes {
  readonly idleMs: number
  /** How long a server that failed is not asked. */
  readonly retryMs: number
}

/** A connection that was open before turned out to be lost: another is made at once. */
export class LostLink extends Error {}

/** A connection could not be made; the message is what is told of it. */
export class NoLink extends Error {}

/**
 * Departs from Postfix, which leaves a server alone after any error: one key that the database cannot take (a letter
 * outside its encoding) would make all lookups fail for a minute, and strangers choose keys.
 */
function isOfServer(error: unknown): boolean {
  return (
    error instanceof NoLink || error instanceof LostLink || (error instanceof Error && /time.?out/i.test(error.message))
  )
}

interface State<L extends Link> {
  readonly host: Host
  readonly pool: Pool<L>
  /** Monotonic time before which it is left alone. */
  downUntil: number
}

export class Hosts<L extends Link> {
  readonly #table: string
  readonly #kind: string
  readonly #states: readonly State<L>[]
  readonly #times: HostTimes
  readonly #clock: Clock
  readonly #random: () => number

  constructor(
    table: string,
    kind: string,
    hosts: readonly Host[],
    connect: (host: Host) => Promise<L>,
    times: HostTimes,
    clock: Clock,
    random = Math.random,
  ) {
    this.#table = table
    this.#kind = kind
    this.#times = times
    this.#clock = clock
    this.#random = random
    this.#states = hosts.map((host) => ({
      host,
      pool: new Pool(() => connect(host), times.idleMs),
      downUntil: Number.NEGATIVE_INFINITY,
    }))
  }

  /** Asks the first server that answers. Throws TableError when none does. */
  async ask<T>(question: (link: L) => Promise<T>): Promise<T> {
    const tried = new Set<State<L>>()
    let cause: unknown
    for (let state; (state = this.#choose(tried)) !== undefined;) {
      tried.add(state)
      const { shown } = state.host
      const failed = (text: string): string =>
        this.#kind === 'pgsql'
          ? `pgsql query failed: fatal error from host ${shown}: ${text}`
          : `${this.#table}: query failed: ${text}`
      try {
        return await this.#askOne(state, question)
      } catch (error) {
        cause = error
        const text = error instanceof Error ? error.message : String(error)
        warn(this.#table, error instanceof NoLink ? `connect to ${this.#kind} server ${shown}: ${text}` : failed(text))
        if (!isOfServer(error)) continue
        state.downUntil = this.#clock.monotonic() + this.#times.retryMs
        state.pool.dropIdle()
      }
    }
    throw queryError(this.#table, cause)
  }

  close(): void {
    for (const { pool } of this.#states) pool.close()
  }

  async #askOne<T>({ pool }: State<L>, question: (link: L) => Promise<T>): Promise<T> {
    try {
      return await pool.use(question)
    } catch (error) {
      if (!(error instanceof LostLink)) throw error
      pool.dropIdle() // they were lost with it
      return pool.use(question)
    }
  }

  /** One that is connected before one that is not, local before remote, then by chance. */
  #choose(tried: ReadonlySet<State<L>>): State<L> | undefined {
    const now = this.#clock.monotonic()
    const left = this.#states.filter((state) => !tried.has(state) && state.downUntil <= now)
    for (const isActive of [true, false])
      for (const isLocal of [true, false]) {
        const those = left.filter((s) => s.pool.isActive === isActive && s.host.isLocal === isLocal)
        if (those.length > 0) return those[Math.floor(this.#random() * those.length)]
      }
    return undefined
  }
}
