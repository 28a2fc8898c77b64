/** What a server says: octets become lines, lines go through smtp_reply_filter, and replies wait for whoever asks. */
import { type Reply, ReplyReader } from '../../../formats/smtp/mod.ts'
import type { LineFilter } from './reply-filter.ts'

export interface Listener {
  /** Lines were read, and these are the replies that became whole. */
  heard(replies: readonly Reply[]): void
  /** What comes is no reply, or could not be filtered: nothing is heard after it. */
  failed(error: unknown): void
}

/**
 * Octets of replies that may wait for whoever asks: those to some thousands of pipelined commands. A server that says more
 * while nobody listens, all through a message, would fill the memory.
 */
const AHEAD_LIMIT_OCTETS = 256 * 1024

export class Hearing {
  readonly #listener: Listener
  readonly #reader = new ReplyReader()
  #replies: Reply[] = []
  #filtering: Promise<void> = Promise.resolve()
  /** Lines on their way through the filter. */
  #unfiltered = 0
  /** Since the last time that nothing was ahead. */
  #aheadOctets = 0
  #isOver = false

  constructor(listener: Listener) {
    this.#listener = listener
  }

  /** Something was said that nobody has asked for yet, be it not whole. */
  get isAhead(): boolean {
    return this.hasReply || this.#unfiltered > 0 || !this.#reader.idle
  }

  get hasReply(): boolean {
    return this.#replies.length > 0
  }

  next(): Reply | undefined {
    return this.#replies.shift()
  }

  /** @param filter what each line passes through */
  take(chunk: Buffer, filter: LineFilter | undefined): void {
    if (this.#isOver) return
    this.#aheadOctets = chunk.length + (this.isAhead ? this.#aheadOctets : 0)
    if (this.#aheadOctets > AHEAD_LIMIT_OCTETS) {
      this.#replies = []
      return this.#fail(new RangeError('more replies than were asked for'))
    }
    try {
      const lines = this.#reader.lines(chunk)
      if (filter === undefined) return this.#read(lines)
      this.#unfiltered += lines.length
      this.#filtering = this.#filtering.then(() => this.#filtered(lines, filter)).catch(this.#fail)
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Resolves when all that was said is through the filter. */
  settled(): Promise<void> {
    return this.#filtering
  }

  /** What is still on its way is not heard any more. */
  stop(): void {
    this.#isOver = true
  }

  /** One line after the other, as the server said them. */
  async #filtered(lines: readonly string[], filter: LineFilter): Promise<void> {
    for (const line of lines) {
      const read = await filter(line)
      this.#unfiltered--
      this.#read([read])
    }
  }

  #read(lines: readonly string[]): void {
    if (this.#isOver) return
    const replies = lines.flatMap((line) => this.#reader.take(line) ?? [])
    this.#replies.push(...replies)
    this.#listener.heard(replies)
  }

  readonly #fail = (error: unknown): void => {
    if (this.#isOver) return
    this.#isOver = true
    this.#listener.failed(error)
  }
}
