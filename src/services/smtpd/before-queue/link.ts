/** One connection to a before-queue filter: commands and replies, each with a time limit. Postfix: smtpd_proxy.c. */
import { systemText } from '#src/base/mod.ts'
import { isUtf8 } from 'node:buffer'
import { printable, REPLY_LIMIT } from '../../../formats/smtp/mod.ts'
import { connect, type Connection, type ConnectOptions } from '../../../io/net/mod.ts'

/** What the client hears where the filter is of no use. */
export const FAILED = '451 4.3.0 Error: queue file write error'

/** Octets of a line that goes to the log for being too long or for being none. */
const LOGGED_LONG = 30
const LOGGED_GARBAGE = 100

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

export class FilterLink {
  readonly #connection: Connection
  readonly #options: LinkOptions
  readonly #lines: string[] = []
  /** The line that is not whole, one octet for each character. */
  #line = ''
  /** Octets since the last command. */
  #octets = 0
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
    this.#octets = 0
    const { reply, isWhole } = await this.#reply()
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

  /** isWhole: nothing in it was no line of a reply. */
  async #reply(): Promise<{ readonly reply: string; readonly isWhole: boolean }> {
    const { name, lineLimit, warn } = this.#options
    const kept: string[] = []
    let octets = 0
    let isWhole = true
    for (;;) {
      const line = await this.#nextLine()
      if (line.length > lineLimit) warn(`${name}: response longer than ${lineLimit}: ${line.slice(0, LOGGED_LONG)}...`)
      if (octets < lineLimit) kept.push(line.slice(0, lineLimit))
      octets += line.length
      if (/^\d{3}(?: |$)/.test(line)) break
      if (/^\d{3}-/.test(line)) continue
      isWhole = false
      warn(`received garbage from proxy ${name}: ${line.slice(0, LOGGED_GARBAGE)}`)
    }
    const last = kept.pop() ?? ''
    return { reply: [...kept, last.replace(/^(\d{3})-/, '$1 ')].join('\r\n'), isWhole }
  }

  async #nextLine(): Promise<string> {
    for (;;) {
      const line = this.#lines.shift()
      if (line !== undefined) return readable(line)
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
    this.#octets += chunk.length
    if (this.#octets > REPLY_LIMIT) {
      this.#fail('lost')
      this.#connection.destroy()
      return
    }
    const [first = '', ...others] = chunk.toString('latin1').split('\n')
    this.#line += first
    for (const next of others) {
      this.#lines.push(this.#line.replace(/\r$/, ''))
      this.#line = next
    }
    if (others.length > 0) this.#awake()
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

/** Without control characters, and without octets that are no UTF-8. */
function readable(line: string): string {
  const octets = Buffer.from(line, 'latin1')
  return printable(isUtf8(octets) ? octets.toString() : line.replace(/[^\0-\x7f]/g, '?'))
}
