/** What the client sends, asked for piece by piece: lines, and the octets of literals. */
import type { Connection } from '../../io/net/mod.ts'

const LF = 0x0a
const EMPTY = Buffer.alloc(0)

/** Octets that wait before the connection is told to stop reading; of who has not logged in. */
const WAITING_LIMIT = 256 * 1024
const STRANGERS_LIMIT = 16 * 1024

/** Octets of a line over the limit that are waited for, and forgotten. */
const DROP_LIMIT = 4 * 1024 * 1024

/** A line over the limit; the rest of it is dropped. */
export class LineTooLong extends Error {}

export class Input {
  readonly #connection: Connection
  #chunks: Buffer[] = []
  #octets = 0
  #limit = STRANGERS_LIMIT
  #paused = false
  #ended = false
  #wake: (() => void) | undefined

  constructor(connection: Connection) {
    this.#connection = connection
  }

  get empty(): boolean {
    return this.#octets === 0
  }
  get ended(): boolean {
    return this.#ended
  }

  /** Somebody has logged in. */
  trust(): void {
    this.#limit = WAITING_LIMIT
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#octets += chunk.length
    if (this.#octets > this.#limit && !this.#paused) {
      this.#paused = true
      this.#connection.pause()
    }
    this.#wakeUp()
  }

  end(): void {
    this.#ended = true
    this.#wakeUp()
  }

  /** COMPRESS: what came behind the command is to be read in another way. */
  takeRest(): Buffer {
    const rest = this.#joined()
    this.clear()
    return rest
  }

  /** STARTTLS: what came in plain is dropped. */
  clear(): void {
    this.#chunks = []
    this.#octets = 0
  }

  /** The next line with its line end; undefined at the end of the connection. Throws LineTooLong. */
  async line(limit: number): Promise<Buffer | undefined> {
    let looked = 0
    for (;;) {
      const buf = this.#joined()
      const lf = buf.indexOf(LF, looked)
      if (lf >= 0) return this.#cut(lf + 1)
      looked = buf.length
      if (buf.length > limit) {
        await this.#dropLine()
        throw new LineTooLong('The line is too long')
      }
      if (!(await this.#more())) return undefined
    }
  }

  /** Some octets, at most `most`; undefined at the end of the connection. */
  async some(most: number): Promise<Buffer | undefined> {
    while (this.#octets === 0) if (!(await this.#more())) return undefined
    const [first = EMPTY] = this.#chunks
    if (first.length <= most) {
      this.#chunks.shift()
      this.#took(first.length)
      return first
    }
    this.#chunks[0] = first.subarray(most)
    this.#took(most)
    return first.subarray(0, most)
  }

  /** Exactly `length` octets. */
  async exactly(length: number): Promise<Buffer | undefined> {
    const pieces: Buffer[] = []
    for (let left = length; left > 0;) {
      const piece = await this.some(left)
      if (piece === undefined) return undefined
      pieces.push(piece)
      left -= piece.length
    }
    return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
  }

  /** So that who has sent all of it hears why; who goes on and on does not. */
  async #dropLine(): Promise<void> {
    for (let dropped = 0; dropped < DROP_LIMIT;) {
      const buf = this.#joined()
      dropped += buf.length
      const lf = buf.indexOf(LF)
      if (lf >= 0) {
        this.#cut(lf + 1)
        return
      }
      this.#cut(buf.length)
      if (!(await this.#more())) return
    }
  }

  #joined(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)]
    return this.#chunks[0] ?? EMPTY
  }

  #cut(at: number): Buffer {
    const buf = this.#joined()
    this.#chunks = at < buf.length ? [buf.subarray(at)] : []
    this.#took(at)
    return buf.subarray(0, at)
  }

  #took(octets: number): void {
    this.#octets -= octets
    if (!this.#paused || this.#octets > this.#limit / 2) return
    this.#paused = false
    this.#connection.resume()
  }

  #more(): Promise<boolean> {
    if (this.#ended) return Promise.resolve(false)
    const before = this.#octets
    return new Promise((resolve) => (this.#wake = () => resolve(this.#octets > before || !this.#ended)))
  }

  /** Resolves when something came or the connection ended. */
  async waiting(): Promise<void> {
    if (this.#octets === 0 && !this.#ended) await this.#more()
  }

  #wakeUp(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }
}
