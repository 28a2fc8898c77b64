/** One dialogue with a remote server: commands out, replies in, each with its time limit. */
import { type Reply, ReplyReader } from '../../../formats/smtp/mod.ts'
import type { Connection, TlsClientOptions, TlsFacts } from '../../../io/net/mod.ts'

/** The server went away, is silent, or says what is no reply. */
export class DialogueError extends Error {
  readonly why: 'lost' | 'timeout' | 'protocol'
  constructor(why: DialogueError['why'], text: string = why) {
    super(text)
    this.why = why
  }
}

export class Dialogue {
  readonly connection: Connection
  #reader = new ReplyReader()
  #replies: Reply[] = []
  #waiting: { resolve: (reply: Reply) => void; reject: (error: Error) => void } | undefined
  #lost: DialogueError | undefined
  /** What is going on, for the log: `receiving the initial server greeting`. */
  doing = 'receiving the initial server greeting'

  constructor(connection: Connection) {
    this.connection = connection
    this.#attach()
  }

  #attach(): void {
    this.connection.attach({
      data: (chunk) => this.#take(chunk),
      end: () => this.#fail(new DialogueError('lost')),
      idle: () => this.#fail(new DialogueError('timeout')),
    })
  }

  #take(chunk: Buffer): void {
    try {
      this.#replies.push(...this.#reader.push(chunk))
    } catch (error) {
      this.#fail(new DialogueError('protocol', error instanceof Error ? error.message : 'bad reply'))
      return
    }
    const waiting = this.#waiting
    const first = waiting === undefined ? undefined : this.#replies.shift()
    if (waiting === undefined || first === undefined) return
    this.#waiting = undefined
    waiting.resolve(first)
  }

  #fail(error: DialogueError): void {
    this.#lost ??= error
    if (error.why === 'timeout') this.connection.destroy()
    this.#waiting?.reject(this.#lost)
    this.#waiting = undefined
  }

  /** The next reply. Rejects with DialogueError when the time is over or the connection lost. */
  reply(timeoutMs: number): Promise<Reply> {
    const ready = this.#replies.shift()
    if (ready !== undefined) return Promise.resolve(ready)
    if (this.#lost !== undefined) return Promise.reject(this.#lost)
    this.connection.idleAfter(timeoutMs)
    return new Promise((resolve, reject) => (this.#waiting = { resolve, reject }))
  }

  /** The server has said more than it was asked for. */
  get hasEarlyReply(): boolean {
    return this.#replies.length > 0 || !this.#reader.idle
  }

  send(command: string): void {
    this.connection.write(command + '\r\n')
  }

  async ask(command: string, timeoutMs: number): Promise<Reply> {
    this.send(command)
    return this.reply(timeoutMs)
  }

  async write(octets: Buffer, timeoutMs: number): Promise<void> {
    if (!this.connection.write(octets)) {
      this.connection.idleAfter(timeoutMs)
      await this.connection.drained()
    }
    if (this.#lost !== undefined) throw this.#lost
  }

  /** RFC 3207 §5: whatever was said in plain behind the go-ahead is an attack, and ends the dialogue. */
  async startTls(options: TlsClientOptions): Promise<TlsFacts> {
    if (this.hasEarlyReply) throw new DialogueError('protocol', 'the server sent more than its reply before TLS')
    this.connection.idleAfter(0)
    const facts = await this.connection.startTlsClient(options)
    this.#reader = new ReplyReader()
    this.#attach()
    return facts
  }

  quit(): void {
    if (this.#lost === undefined) this.connection.end('QUIT\r\n')
    else this.connection.destroy()
  }
}
