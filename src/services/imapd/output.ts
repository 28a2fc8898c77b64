/** What the server says: gathered into large writes, held back when the client reads slowly. */
import type { Connection } from '../../io/net/mod.ts'

/** Gathered octets are written from this size on. */
const PIECE = 64 * 1024

export class Output {
  readonly #connection: Connection
  #parts: (string | Buffer)[] = []
  #octets = 0

  constructor(connection: Connection) {
    this.#connection = connection
  }

  line(text: string): void {
    this.put(text + '\r\n')
  }

  put(part: string | Buffer): void {
    this.#parts.push(part)
    this.#octets += part.length
  }

  /** True when so much is gathered that it should leave: then `await flush()`. */
  get full(): boolean {
    return this.#octets >= PIECE
  }

  /** Writes; resolves when the client has taken enough of it. */
  flush(): Promise<void> | undefined {
    if (this.#parts.length === 0) return undefined
    const parts = this.#parts
    this.#parts = []
    this.#octets = 0
    const octets = parts.every((part) => typeof part === 'string')
      ? parts.join('')
      : Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)))
    return this.#connection.write(octets) ? undefined : this.#connection.drained()
  }
}
