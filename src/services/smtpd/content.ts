/**
 * The content of a message on its way from the connection to intake: behind DATA, or one BDAT chunk.
 * What is too big or could not be kept is still read to its end, then refused.
 */
import { DataReader, type Reply } from '../../formats/smtp/mod.ts'
import type { Submission } from '../../mail/intake/mod.ts'

export interface Taken {
  /** Octets of the chunk that belong to the content; what follows is the next command. */
  readonly used: number
  readonly done: boolean
}

export class DataContent {
  readonly kind = 'data'
  readonly #reader = new DataReader()
  readonly #submission: Submission
  readonly #limit: number
  tooBig = false

  constructor(submission: Submission, limit: number) {
    this.#submission = submission
    this.#limit = limit
  }

  /** Passes on what belongs to the message; a promise where intake asks to wait. */
  push(chunk: Buffer): Taken | Promise<Taken> {
    const { content, end } = this.#reader.push(chunk)
    const taken = { used: end < 0 ? chunk.length : end, done: end >= 0 }
    const wait = this.#pass(content)
    return wait === undefined ? taken : wait.then(() => taken)
  }

  #pass(content: readonly Buffer[]): Promise<void> | undefined {
    if (content.length === 0 || this.tooBig) return undefined
    // Changed lines make many small pieces: one buffer costs less than many views on the way to the disk.
    const octets = content.length === 1 ? content[0]! : Buffer.concat(content)
    if (this.#limit > 0 && this.#submission.sizeOctets + octets.length > this.#limit) {
      this.tooBig = true
      return undefined
    }
    return this.#submission.write(octets) ?? undefined
  }
}

/** One BDAT chunk of a known size. RFC 3030. */
export class ChunkContent {
  readonly kind = 'bdat'
  readonly last: boolean
  readonly size: number
  /** The chunk is read and thrown away: it was refused when it was announced. */
  readonly refused: Reply | undefined
  #left: number
  readonly #reader: DataReader
  readonly #submission: Submission | undefined
  readonly #limit: number
  tooBig = false

  constructor(options: {
    readonly size: number
    readonly last: boolean
    readonly submission: Submission | undefined
    readonly reader: DataReader
    readonly limit: number
    readonly refused: Reply | undefined
  }) {
    this.size = this.#left = options.size
    this.last = options.last
    this.refused = options.refused
    this.#submission = options.submission
    this.#reader = options.reader
    this.#limit = options.limit
  }

  push(chunk: Buffer): Taken | Promise<Taken> {
    const used = Math.min(this.#left, chunk.length)
    this.#left -= used
    const taken = { used, done: this.#left === 0 }
    if (this.refused !== undefined || this.#submission === undefined || this.tooBig) return taken
    const { content } = this.#reader.push(chunk.subarray(0, used))
    const pieces = taken.done && this.last ? [...content, ...this.#reader.finish()] : content
    if (pieces.length === 0) return taken
    const octets = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
    if (this.#limit > 0 && this.#submission.sizeOctets + octets.length > this.#limit) {
      this.tooBig = true
      return taken
    }
    const wait = this.#submission.write(octets)
    return wait === undefined ? taken : wait.then(() => taken)
  }
}
