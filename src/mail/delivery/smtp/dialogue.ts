/** One dialogue with a remote server: commands out, replies in, each with its time limit. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Reply, ReplyReader } from '../../../formats/smtp/mod.ts'
import { type LineFilter, ReplyFilterError } from './reply-filter.ts'
import type { Connection, TlsClientOptions, TlsFacts } from '../../../io/net/mod.ts'

/** The server went away, is silent, or says what is no reply. */
export class DialogueError extends Error {
  readonly why: 'lost' | 'timeout' | 'protocol' | 'data'
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
  #filtering: Promise<void> = Promise.resolve()
  /** What each line of the server passes through (smtp_reply_filter). */
  filter: LineFilter | undefined
  /** How long the end of a message waits behind it; undefined: not at all (delay_dotcrlf). */
  beforeDotMs: number | undefined
  /** What is going on, for the log: `receiving the initial server greeting`. */
  doing = 'receiving the initial server greeting'

  constructor(connection: Connection) {
    this.connection = connection
    this.#attach()
  }

  #attach(): void {
    this.connection.attach({
      data: (chunk) => this.#take(chunk),
      end: () => this.#ended(),
      idle: () => this.#fail(new DialogueError('timeout')),
    })
  }

  #take(chunk: Buffer): void {
    try {
      const lines = this.#reader.lines(chunk)
      if (this.filter === undefined) this.#read(lines)
      else this.#filtering = this.#filtering.then(() => this.#filtered(lines)).catch(this.#unreadable)
    } catch (error) {
      this.#unreadable(error)
    }
  }

  readonly #unreadable = (error: unknown): void => {
    const why = error instanceof ReplyFilterError ? 'data' : 'protocol'
    this.#fail(new DialogueError(why, error instanceof Error ? error.message : 'bad reply'))
  }

  /** One line after the other, as the server said them. */
  async #filtered(lines: readonly string[]): Promise<void> {
    for (const line of lines) this.#read([(await this.filter?.(line)) ?? line])
  }

  #read(lines: readonly string[]): void {
    this.#replies.push(...lines.flatMap((line) => this.#reader.take(line) ?? []))
    const waiting = this.#waiting
    const first = waiting === undefined ? undefined : this.#replies.shift()
    if (waiting === undefined || first === undefined) return
    this.#waiting = undefined
    waiting.resolve(first)
  }

  /** What was said before may still be on its way through the filter. */
  #ended(): void {
    const lost = new DialogueError('lost')
    if (this.filter === undefined) this.#fail(lost)
    else void this.#filtering.then(() => this.#fail(lost))
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

  /** Says nothing for a while; at once where the connection is gone. */
  async pause(ms: number): Promise<void> {
    const gone = new AbortController()
    this.connection.whenClosed(() => gone.abort())
    await sleep(ms, undefined, { signal: gone.signal }).catch(() => {})
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
