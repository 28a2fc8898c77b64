/** Input that waits: whole lines for commands, all of it for content. */
const LF = 0x0a
const CR = 0x0d
const EMPTY = Buffer.alloc(0)

export class LineBuffer {
  /** The most octets of a line; what is longer is cut there, and the rest dropped (Postfix: smtp_get). */
  limit: number
  #buffer: Buffer = EMPTY
  /** Behind the cut of a long line: octets up to the next line end are dropped. */
  #dropping = false

  constructor(limit: number) {
    this.limit = limit
  }

  get empty(): boolean {
    return this.#buffer.length === 0
  }
  get size(): number {
    return this.#buffer.length
  }

  push(chunk: Buffer): void {
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk])
  }

  unshift(rest: Buffer): void {
    this.#buffer = this.#buffer.length === 0 ? (rest.length === 0 ? EMPTY : rest) : Buffer.concat([rest, this.#buffer])
  }

  takeAll(): Buffer {
    const all = this.#buffer
    this.#buffer = EMPTY
    return all
  }

  clear(): void {
    this.#buffer = EMPTY
    this.#dropping = false
  }

  /** The next line without its end, cut at the limit; undefined while it is not whole. */
  line(): Buffer | undefined {
    for (;;) {
      const lf = this.#buffer.indexOf(LF)
      if (this.#dropping) {
        if (lf < 0) {
          this.#buffer = EMPTY
          return undefined
        }
        this.#cut(lf + 1)
        this.#dropping = false
        continue
      }
      if (lf < 0 && this.#buffer.length <= this.limit) return undefined
      if (lf < 0 || lf > this.limit) {
        const line = this.#buffer.subarray(0, this.limit)
        this.#cut(lf < 0 ? this.#buffer.length : lf + 1)
        this.#dropping = lf < 0
        return line
      }
      const line = this.#buffer.subarray(0, lf > 0 && this.#buffer[lf - 1] === CR ? lf - 1 : lf)
      this.#cut(lf + 1)
      return line
    }
  }

  /** An empty rest must not keep a chunk of 64 KiB alive in a session that idles. */
  #cut(at: number): void {
    this.#buffer = at >= this.#buffer.length ? EMPTY : this.#buffer.subarray(at)
  }
}
