/** One dialogue with a remote server: commands out, replies in, each with its time limit. */
import { type Reply, ReplyReader } from '../../formats/smtp/mod.ts'
import type { Connection } from '../../io/net/mod.ts'

/** The server said no, or nothing that makes sense. */
export class RemoteError extends Error {
  readonly reply: Reply | undefined
  constructor(text: string, reply?: Reply) {
    super(text)
    this.reply = reply
  }
}

export class SmtpSession {
  readonly #connection: Connection
  #reader = new ReplyReader()
  #replies: Reply[] = []
  #waiting: { resolve: (reply: Reply) => void; reject: (error: Error) => void } | undefined
  #lost: Error | undefined

  constructor(connection: Connection) {
    this.#connection = connection
    this.#attach()
  }

  #attach(): void {
    this.#connection.attach({
      data: (chunk) => this.#take(chunk),
      end: (error) => this.#fail(error ?? new RemoteError('lost connection')),
      idle: () => this.#fail(new RemoteError('conversation timed out')),
    })
  }

  #take(chunk: Buffer): void {
    try {
      this.#replies.push(...this.#reader.push(chunk))
    } catch (error) {
      this.#fail(new RemoteError(error instanceof Error ? error.message : 'bad reply'))
      return
    }
    const waiting = this.#waiting
    if (waiting === undefined || this.#replies.length === 0) return
    this.#waiting = undefined
    waiting.resolve(this.#replies.shift()!)
  }

  #fail(error: Error): void {
    this.#lost ??= error
    this.#waiting?.reject(this.#lost)
    this.#waiting = undefined
  }

  /** The next reply. Rejects with RemoteError when the time is over or the connection lost. */
  reply(timeoutMs: number): Promise<Reply> {
    const ready = this.#replies.shift()
    if (ready !== undefined) return Promise.resolve(ready)
    if (this.#lost !== undefined) return Promise.reject(this.#lost)
    this.#connection.idleAfter(timeoutMs)
    return new Promise((resolve, reject) => (this.#waiting = { resolve, reject }))
  }

  send(command: string): void {
    this.#connection.write(command + '\r\n')
  }

  async ask(command: string, timeoutMs: number): Promise<Reply> {
    this.send(command)
    return this.reply(timeoutMs)
  }

  async write(octets: Buffer): Promise<void> {
    if (!this.#connection.write(octets)) await this.#connection.drained()
    if (this.#lost !== undefined) throw this.#lost
  }

  /** RFC 3207 §5: what was said in plain behind the go-ahead is dropped. */
  async startTls(serverName: string, timeoutMs: number): Promise<void> {
    this.#replies = []
    this.#reader = new ReplyReader()
    await this.#connection.startTlsClient({ serverName, verify: false, timeoutMs })
    this.#attach()
  }

  quit(): void {
    if (this.#lost === undefined) this.#connection.end('QUIT\r\n')
    else this.#connection.destroy()
  }
}
