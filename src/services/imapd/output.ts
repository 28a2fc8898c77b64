/** What the server says: gathered into large writes, held back when the client reads slowly. */
import type { Connection } from '../../io/net/mod.ts'

/** Gathered octets are written from this size on. */
const PIECE = 64 * 1024

export class Output {
  readonly #connection: Connection
  #parts: (string | Buffer)[] = []
  #octets = 0
  #flushes = 0
  #held = 0

  constructor(connection: Connection) {
    this.#connection = connection
  }

  line(text: string): void {
    this.put(text + '\r\n')
  }

  put(part: string | Buffer): void {
    this.#octets += part.length
    const last = this.#parts.length - 1
    const before = this.#parts[last]
    if (typeof part === 'string' && typeof before === 'string') this.#parts[last] = before + part
    else this.#parts.push(part)
  }

  /** How far it has come, for `rollback`. */
  get flushes(): number {
    return this.#flushes
  }
  get parts(): number {
    return this.#parts.length
  }
  get octets(): number {
    return this.#octets
  }

  /** Takes back what was put since; false where some of it has left. */
  rollback(flushes: number, parts: number, octets: number): boolean {
    if (flushes !== this.#flushes) return false
    this.#parts.length = parts
    this.#octets = octets
    return true
  }

  /** True when so much is gathered that it should leave: then `await flush()`. */
  get full(): boolean {
    return this.#octets >= PIECE
  }

  /** Writes; resolves when the client has taken enough of it. */
  flush(): Promise<void> | undefined {
    if (this.#parts.length === 0) return undefined
    const parts = this.#parts
    this.#flushes++
    this.#parts = []
    this.#octets = 0
    const [only] = parts
    const octets = parts.length === 1 && only !== undefined ? only : joined(parts)
    return this.#connection.write(octets) ? undefined : this.#drained()
  }

  /** Waits until the client has taken enough. */
  get isHeldUp(): boolean {
    return this.#held > 0
  }

  async #drained(): Promise<void> {
    this.#held++
    await this.#connection.drained()
    this.#held--
  }
}

/** One buffer of all; each string is written into it once. */
function joined(parts: readonly (string | Buffer)[]): Buffer {
  let length = 0
  for (const part of parts) length += typeof part === 'string' ? Buffer.byteLength(part) : part.length
  const octets = Buffer.allocUnsafe(length)
  let at = 0
  for (const part of parts) {
    if (typeof part === 'string') at += octets.write(part, at)
    else {
      octets.set(part, at)
      at += part.length
    }
  }
  return octets
}
