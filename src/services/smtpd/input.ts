/**
 * What the client sends, asked for piece by piece: whole lines for commands, all there is for content.
 * Whoever waits gives the client smtpd_timeout to say something; what was to be said to it leaves before.
 */
import type { Connection } from '../../io/net/mod.ts'

const LF = 0x0a
const CR = 0x0d
const EMPTY = Buffer.alloc(0)

/** Octets that may wait while a command runs, before the connection is told to stop reading. */
const WAITING_LIMIT = 256 * 1024

/** The client is gone, or was silent for too long: the session ends here. */
export class Departure extends Error {
  readonly how: 'lost connection' | 'timeout'

  private constructor(how: 'lost connection' | 'timeout') {
    super(how)
    this.how = how
  }

  // Most sessions end in one, and an error's stack costs as much as a command: each is made once.
  static readonly lostConnection = new Departure('lost connection')
  static readonly timeout = new Departure('timeout')
}

export interface Line {
  /** Without its end. A view. */
  readonly octets: Buffer
  /** It ended in LF without CR. */
  readonly bareLf: boolean
  /** It was longer than the limit: `octets` is its start. */
  readonly tooLong: boolean
}

export interface InputOptions {
  readonly timeoutMs: number
  /** smtpd_per_request_deadline: `timeoutMs` is for a whole request, and content earns a second per so many octets. */
  readonly octetsPerSecond: number | undefined
  readonly now: () => number
  /** Called before each wait: what was to be said leaves. */
  readonly beforeWait: () => void | Promise<void>
}

export class Input {
  readonly #connection: Connection
  readonly #options: InputOptions
  #chunks: Buffer[] = []
  #size = 0
  /** Behind the limit of a long line: octets up to the next line end are dropped. */
  #dropping = false
  #departure: Departure | undefined
  #waiter: { readonly resolve: () => void; readonly reject: (departure: Departure) => void } | undefined
  #paused = false
  #leftMs = 0
  /** Chunks that ever came. */
  #arrivals = 0

  constructor(connection: Connection, options: InputOptions) {
    this.#connection = connection
    this.#options = options
    connection.attach({
      data: (chunk) => this.#push(chunk),
      end: () => this.#depart(Departure.lostConnection),
      idle: () => this.#idle(),
    })
  }

  get empty(): boolean {
    return this.#size === 0
  }

  /** A new request begins: the client has the whole time for it. */
  begin(): void {
    this.#leftMs = this.#options.timeoutMs
  }

  /** What waits, up to `limit` octets, left where it is. */
  peek(limit: number): Buffer {
    return Buffer.concat(this.#chunks).subarray(0, limit)
  }

  /** The next line if all of it is there. */
  takeLine(limit: number): Line | undefined {
    for (;;) {
      const [head] = this.#chunks
      if (head === undefined) return undefined
      const lf = head.indexOf(LF)
      if (this.#dropping) {
        this.#advance(head, lf < 0 ? head.length : lf + 1)
        this.#dropping = lf < 0
        continue
      }
      const length = lf < 0 ? head.length - 1 : lf > 0 && head[lf - 1] === CR ? lf - 1 : lf
      if (length > limit) {
        this.#advance(head, lf < 0 ? head.length : lf + 1)
        this.#dropping = lf < 0
        return { octets: head.subarray(0, limit), bareLf: false, tooLong: true }
      }
      if (lf >= 0) {
        this.#advance(head, lf + 1)
        return { octets: head.subarray(0, length), bareLf: length === lf, tooLong: false }
      }
      if (this.#chunks.length < 2) return undefined
      this.#chunks.splice(0, 2, Buffer.concat([head, this.#chunks[1] ?? EMPTY]))
    }
  }

  /** The next line, waited for. Throws Departure. */
  async line(limit: number): Promise<Line> {
    for (;;) {
      const line = this.takeLine(limit)
      if (line !== undefined) return line
      await this.#more()
    }
  }

  /** Some octets, waited for. Throws Departure. */
  async octets(): Promise<Buffer> {
    for (;;) {
      const chunk = this.#chunks.shift()
      if (chunk !== undefined) {
        this.#size -= chunk.length
        this.#earn(chunk.length)
        return chunk
      }
      await this.#more()
    }
  }

  /** Gives back the unused end of what `octets` gave. */
  unread(rest: Buffer): void {
    if (rest.length === 0) return
    this.#chunks.unshift(rest)
    this.#size += rest.length
  }

  /** STARTTLS: what came in plain is not listened to. RFC 3207 §4.2. */
  clear(): void {
    this.#chunks = []
    this.#size = 0
    this.#dropping = false
  }

  /** Waits for what was written to leave, no longer than for a request. Throws Departure. */
  async drained(): Promise<void> {
    this.#connection.idleAfter(this.#options.timeoutMs)
    await this.#connection.drained()
    if (this.#connection.closed) throw Departure.lostConnection
  }

  /** An empty rest must not keep a chunk of 64 KiB alive in a session that idles. */
  #advance(head: Buffer, by: number): void {
    this.#size -= by
    if (by >= head.length) this.#chunks.shift()
    else this.#chunks[0] = head.subarray(by)
  }

  async #more(): Promise<void> {
    if (this.#departure !== undefined) throw this.#departure
    const said = this.#options.beforeWait()
    const seen = this.#arrivals
    if (said !== undefined) await said
    if (this.#arrivals !== seen) return
    if (this.#departure !== undefined) throw this.#departure
    if (this.#paused) {
      this.#paused = false
      this.#connection.resume()
    }
    const { timeoutMs, octetsPerSecond, now } = this.#options
    const startMs = octetsPerSecond === undefined ? 0 : now()
    // A deadline in the past is as good as one that comes at once.
    this.#connection.idleAfter(octetsPerSecond === undefined ? timeoutMs : Math.max(1, this.#leftMs))
    await new Promise<void>((resolve, reject) => (this.#waiter = { resolve, reject }))
    if (octetsPerSecond !== undefined) this.#leftMs -= now() - startMs
  }

  #earn(octets: number): void {
    const { octetsPerSecond, timeoutMs } = this.#options
    if (octetsPerSecond === undefined || octetsPerSecond === 0) return
    this.#leftMs = Math.min(timeoutMs, this.#leftMs + (octets * 1000) / octetsPerSecond)
  }

  #push(chunk: Buffer): void {
    if (chunk.length === 0) return
    this.#chunks.push(chunk)
    this.#arrivals++
    this.#size += chunk.length
    const waiter = this.#waiter
    this.#waiter = undefined
    waiter?.resolve()
    if (waiter === undefined && this.#size > WAITING_LIMIT && !this.#paused) {
      this.#paused = true
      this.#connection.pause()
    }
  }

  #depart(departure: Departure): void {
    this.#departure ??= departure
    const waiter = this.#waiter
    this.#waiter = undefined
    waiter?.reject(this.#departure)
  }

  #idle(): void {
    // Nobody waits for the client: it is our turn to speak, and either we are busy or it does not read.
    if (this.#waiter !== undefined) this.#depart(Departure.timeout)
    else if (this.#connection.pendingOctets > 0) this.#connection.destroy()
  }
}
