/** One dialogue with a remote server: commands out, replies in, each with its time limit. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Reply, SessionRecord } from '../../../formats/smtp/mod.ts'
import { Hearing } from './hearing.ts'
import { type LineFilter, ReplyFilterError } from './reply-filter.ts'
import { DataDeadline } from './data-deadline.ts'
import type { Connection, TlsClientOptions, TlsFacts } from '../../../io/net/mod.ts'

/** The server went away, is silent, or says what is no reply. */
export class DialogueError extends Error {
  readonly why: 'lost' | 'timeout' | 'protocol' | 'data'
  constructor(why: DialogueError['why'], text: string = why) {
    super(text)
    this.why = why
  }
}

/** What time limits are for. */
export interface DialogueLimits {
  /** A whole reply or message; otherwise each piece of it. */
  readonly perRequest: boolean
  /** Octets that give a message another second. */
  readonly minDataRate: number
}

/** What is handed to the socket in one go: a slow server's time limit is for so much. */
const PORTION = 64 * 1024

export class Dialogue {
  readonly connection: Connection
  readonly #limits: DialogueLimits
  #dataDeadline: DataDeadline | undefined
  #hearing = this.#newHearing()
  #waiting: { resolve: (reply: Reply) => void; reject: (error: Error) => void } | undefined
  #waitMs = 0
  #lost: DialogueError | undefined
  /** What is said, where the postmaster may want to see it. */
  record: SessionRecord | undefined
  /** What each line of the server passes through (smtp_reply_filter). */
  filter: LineFilter | undefined
  /** How long the end of a message waits behind it; undefined: not at all (delay_dotcrlf). */
  beforeDotMs: number | undefined
  /** What is going on, for the log: `receiving the initial server greeting`. */
  doing = 'receiving the initial server greeting'

  constructor(connection: Connection, limits: DialogueLimits) {
    this.connection = connection
    this.#limits = limits
    this.#attach()
  }

  #attach(): void {
    this.connection.attach({
      data: (chunk) => this.#hearing.take(chunk, this.filter),
      end: () => this.#ended(),
      idle: () => this.#fail(new DialogueError('timeout')),
    })
  }

  #newHearing(): Hearing {
    return new Hearing({ heard: (replies) => this.#heard(replies), failed: (error) => this.#unreadable(error) })
  }

  #heard(replies: readonly Reply[]): void {
    for (const reply of replies) this.record?.reply(reply)
    const waiting = this.#waiting
    if (waiting === undefined) return
    const first = this.#hearing.next()
    if (first === undefined) {
      if (!this.#limits.perRequest) this.connection.idleAfter(this.#waitMs)
      return
    }
    this.#waiting = undefined
    waiting.resolve(first)
  }

  #unreadable(error: unknown): void {
    const why = error instanceof ReplyFilterError ? 'data' : 'protocol'
    this.#fail(new DialogueError(why, error instanceof Error ? error.message : 'bad reply'))
  }

  /** What was said before may still be on its way through the filter. */
  #ended(): void {
    const lost = new DialogueError('lost')
    if (this.filter === undefined) this.#fail(lost)
    else void this.#hearing.settled().then(() => this.#fail(lost))
  }

  #fail(error: DialogueError): void {
    this.#lost ??= error
    if (error.why !== 'lost') this.connection.destroy()
    this.#waiting?.reject(this.#lost)
    this.#waiting = undefined
  }

  /** Nothing is owed by either side, and the connection stands. */
  get isQuiet(): boolean {
    return this.#lost === undefined && !this.connection.closed && !this.hasEarlyReply
  }

  /** The next reply. Rejects with DialogueError when the time is over or the connection lost. */
  reply(timeoutMs: number): Promise<Reply> {
    const ready = this.#hearing.next()
    if (ready !== undefined) return Promise.resolve(ready)
    if (this.#lost !== undefined) return Promise.reject(this.#lost)
    this.#waitMs = timeoutMs
    this.#dataDeadline = undefined
    this.connection.idleAfter(timeoutMs)
    return new Promise((resolve, reject) => (this.#waiting = { resolve, reject }))
  }

  /** The server has said more than it was asked for. */
  get hasEarlyReply(): boolean {
    return this.#hearing.isAhead
  }

  send(command: string): void {
    this.record?.command(command)
    this.connection.write(command + '\r\n')
  }

  async ask(command: string, timeoutMs: number): Promise<Reply> {
    this.send(command)
    return this.reply(timeoutMs)
  }

  /** A line that nobody may read in the record. */
  async askSecretly(line: string, timeoutMs: number): Promise<Reply> {
    this.record?.command(line, true)
    this.connection.write(line + '\r\n')
    return this.reply(timeoutMs)
  }

  async write(octets: Buffer, timeoutMs: number): Promise<void> {
    for (let at = 0; at < octets.length; at += PORTION) {
      this.connection.write(octets.subarray(at, at + PORTION))
      if (this.connection.pendingOctets >= PORTION) await this.#drained(timeoutMs)
      // A server that only hangs up may still read, or have said why: that is for who asks for the reply.
      if (this.connection.closed && this.#lost !== undefined && !this.#hearing.hasReply) throw this.#lost
    }
  }

  async #drained(timeoutMs: number): Promise<void> {
    const { perRequest, minDataRate } = this.#limits
    if (perRequest) this.#dataDeadline ??= new DataDeadline(timeoutMs, minDataRate)
    const startedMs = performance.now()
    const octets = this.connection.pendingOctets
    this.connection.idleAfter(Math.max(1, this.#dataDeadline?.leftMs ?? timeoutMs))
    await this.connection.drained()
    this.connection.idleAfter(0)
    this.#dataDeadline?.sent(octets, performance.now() - startedMs)
  }

  /** Says nothing for a while; at once where the connection is gone. */
  async pause(ms: number): Promise<void> {
    if (this.connection.closed) return
    const gone = new AbortController()
    this.connection.whenClosed(() => gone.abort())
    await sleep(ms, undefined, { signal: gone.signal }).catch(() => {})
  }

  /** RFC 3207 §5: whatever was said in plain behind the go-ahead is an attack, and ends the dialogue. */
  async startTls(options: TlsClientOptions): Promise<TlsFacts> {
    if (this.hasEarlyReply) throw new DialogueError('protocol', 'the server sent more than its reply before TLS')
    this.connection.idleAfter(0)
    this.#hearing.stop()
    this.#hearing = this.#newHearing()
    const facts = await this.connection.startTlsClient(options)
    this.#attach()
    return facts
  }

  /** Nobody speaks for now; a word of the server, its end or that of the time is `gone`. */
  rest(forMs: number, gone: () => void): void {
    this.connection.attach({ data: gone, end: gone, idle: gone })
    this.connection.idleAfter(forMs)
  }

  wake(): void {
    this.#attach()
  }

  /** @param waitMs how long the answer is waited for; undefined: not at all */
  async quit(waitMs?: number): Promise<void> {
    if (this.#lost !== undefined || this.connection.closed) return this.connection.destroy()
    if (waitMs === undefined) return this.connection.end('QUIT\r\n')
    this.doing = 'sending QUIT'
    try {
      await this.ask('QUIT', waitMs)
    } catch {
      return this.connection.destroy()
    }
    this.connection.end()
  }
}
