/** One connection to a before-queue filter: commands and replies, each with a time limit. Postfix: smtpd_proxy.c. */
import { printable, systemText } from '#src/base/mod.ts'
import { type Reply, ReplyReader } from '../../../formats/smtp/mod.ts'
import { connect, type Connection, type ConnectOptions } from '../../../io/net/mod.ts'

/** What the client hears where the filter is of no use. */
export const FAILED = '451 4.3.0 Error: queue file write error'

/** Octets of a line that goes to the log for being none. */
const LOGGED_GARBAGE = 100
/** Replies that may wait: a filter that says more than it is asked for is cut off. */
const WAITING_LIMIT = 10

/** The filter said something else than was hoped for, or nothing: what the client hears, with its line ends. */
export class FilterRefusal extends Error {
  readonly reply: string

  constructor(reply: string) {
    super(reply)
    this.reply = reply
  }
}

export interface LinkOptions {
  /** undefined: what is configured is no endpoint. */
  readonly to: ConnectOptions['to'] | undefined
  /** As configured, for the log. */
  readonly name: string
  readonly timeoutMs: number
  /** Octets of a line, and of a reply, that are kept. */
  readonly lineLimit: number
  readonly warn: (text: string) => void
}

interface HeardReply {
  /** Lines parted by CRLF. */
  readonly text: string
  /** Nothing in it was no line of a reply. */
  readonly isWhole: boolean
}

export class FilterLink {
  readonly #connection: Connection
  readonly #options: LinkOptions
  readonly #reader: ReplyReader
  readonly #replies: HeardReply[] = []
  /** Nothing in the reply that is on its way was no line of a reply. */
  #isWhole = true
  #failure: 'lost' | 'timeout' | undefined
  #wake: (() => void) | undefined

  /** Connects, and hears the greeting. Throws FilterRefusal. */
  static async open(options: LinkOptions): Promise<FilterLink> {
    const { to, name, timeoutMs, warn } = options
    try {
      if (to === undefined) throw new Error('no host:port, inet:host:port or unix:path')
      return new FilterLink(await connect({ to, timeoutMs }), options)
    } catch (error) {
      warn(`connect to proxy filter ${name}: ${systemText(error)}`)
      throw new FilterRefusal(FAILED)
    }
  }

  private constructor(connection: Connection, options: LinkOptions) {
    this.#connection = connection
    this.#options = options
    this.#reader = new ReplyReader(options.lineLimit)
    connection.attach({
      data: (chunk) => this.#take(chunk),
      end: () => this.#fail('lost'),
      idle: () => {
        this.#fail('timeout')
        connection.destroy()
      },
    })
  }

  /**
   * Says a command, and answers the reply to it: lines parted by CRLF. Throws FilterRefusal for another than is expected.
   * @param command undefined: it is the filter's turn without one
   * @param expected how the reply's code begins; `''` for any
   */
  async ask(command: string | undefined, expected: '' | '2' | '3'): Promise<string> {
    if (command !== undefined) await this.send(Buffer.from(command + '\r\n'))
    const { text: reply, isWhole } = await this.#nextReply()
    if (isWhole && reply.startsWith(expected)) return reply
    const { warn, name } = this.#options
    if (expected !== '') warn(`proxy ${name} rejected "${command ?? 'connection request'}": "${printable(reply)}"`)
    // What the client cannot make sense of is not passed on. RFC 5321 §4.2.1 has no use for 2yz and 3yz here either.
    throw new FilterRefusal(isWhole && !/^[23]/.test(reply) ? reply : FAILED)
  }

  /** A promise: the filter does not keep up. What fails shows at the next command. */
  send(octets: Buffer): void | Promise<void> {
    if (this.#failure === undefined && !this.#connection.write(octets)) return this.#drained()
  }

  /** @param last what is still to be said */
  close(last?: string): void {
    const isGood = this.#failure === undefined
    this.#failure ??= 'lost'
    this.#connection.idleAfter(0)
    if (isGood && last !== undefined) this.#connection.end(last + '\r\n')
    else this.#connection.destroy()
  }

  async #drained(): Promise<void> {
    this.#connection.idleAfter(this.#options.timeoutMs)
    await this.#connection.drained()
    this.#connection.idleAfter(0)
  }

  async #nextReply(): Promise<HeardReply> {
    for (;;) {
      const reply = this.#replies.shift()
      if (reply !== undefined) return reply
      if (this.#failure !== undefined) {
        const { warn, name } = this.#options
        warn(this.#failure === 'timeout' ? `timeout talking to proxy ${name}` : `lost connection with proxy ${name}`)
        throw new FilterRefusal(FAILED)
      }
      this.#connection.idleAfter(this.#options.timeoutMs)
      await new Promise<void>((resolve) => (this.#wake = resolve))
      this.#connection.idleAfter(0)
    }
  }

  #take(chunk: Buffer): void {
    try {
      for (const line of this.#reader.lines(chunk)) this.#takeLine(line)
    } catch {
      // a reply without an end
      this.#fail('lost')
      this.#connection.destroy()
    }
    this.#awake()
  }

  #takeLine(line: string): void {
    if (!/^\d{3}(?:[ -]|$)/.test(line)) {
      this.#isWhole = false
      this.#options.warn(`received garbage from proxy ${this.#options.name}: ${line.slice(0, LOGGED_GARBAGE)}`)
    }
    const reply = this.#reader.take(line)
    if (reply === undefined) return
    if (this.#replies.length === WAITING_LIMIT) throw new RangeError('more replies than commands')
    this.#replies.push({ text: textOf(reply), isWhole: this.#isWhole })
    this.#isWhole = true
  }

  #fail(how: 'lost' | 'timeout'): void {
    this.#failure ??= how
    this.#awake()
  }

  #awake(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }
}

/** As it was said, lines parted by CRLF; one that was cut ends where it was cut. */
function textOf({ text = '' }: Reply): string {
  const lines = text.split('\n')
  const last = lines.pop() ?? ''
  return [...lines, last.replace(/^(\d{3})-/, '$1 ')].join('\r\n')
}
