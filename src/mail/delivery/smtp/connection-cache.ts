/**
 * Connections that wait, open, for the next message: found by the destination that they were made for, or by the server at
 * the other end. One that dies is forgotten. Postfix: scache(8), CONNECTION_CACHE_README.
 */

/** What the cache keeps: who has it must not use it until it is taken. */
export interface Keepable {
  /** Leaves the connection alone; `gone` is called when the peer speaks or hangs up, or the time is over. */
  rest(forMs: number, gone: () => void): void
  /** Undoes `rest`. */
  wake(): void
  close(): void
}

interface Entry<C> {
  readonly connection: C
  readonly serverKey: string
  readonly destinationKey: string | undefined
}

/** Connections that wait at a time; beyond it the one that waits longest is closed. */
const CONNECTIONS_LIMIT = 100

export class ConnectionCache<C extends Keepable> {
  readonly #limit: number
  #entries: Entry<C>[] = []
  #generation = 0

  constructor(limit = CONNECTIONS_LIMIT) {
    this.#limit = limit
  }

  get size(): number {
    return this.#entries.length
  }

  /** Rises when all are closed: what was opened under another is not to be kept. */
  get generation(): number {
    return this.#generation
  }

  /** @param destinationKey undefined: to be found by its server alone */
  keep(connection: C, serverKey: string, destinationKey: string | undefined, forMs: number): void {
    const entry = { connection, serverKey, destinationKey }
    this.#entries.push(entry)
    connection.rest(forMs, () => {
      this.#entries = this.#entries.filter((one) => one !== entry)
      connection.close()
    })
    if (this.#entries.length > this.#limit) this.#entries.shift()?.connection.close()
  }

  takeByDestination(key: string): C | undefined {
    return this.#take((entry) => entry.destinationKey === key)
  }

  takeByServer(key: string): C | undefined {
    return this.#take((entry) => entry.serverKey === key)
  }

  closeAll(): void {
    this.#generation++
    for (const { connection } of this.#entries.splice(0)) connection.close()
  }

  /** The one that was used last is the likeliest to be alive. */
  #take(fits: (entry: Entry<C>) => boolean): C | undefined {
    const at = this.#entries.findLastIndex(fits)
    if (at < 0) return undefined
    const [entry] = this.#entries.splice(at, 1)
    entry?.connection.wake()
    return entry?.connection
  }
}
