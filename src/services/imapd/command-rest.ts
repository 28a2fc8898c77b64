/**
 * A command that is run while it comes: its literals are passed on as they come, and what is behind each is looked at after it.
 * APPEND and REPLACE. RFC 9051 §4.3, RFC 7888.
 */
import { Cursor, ImapError } from '../../formats/imap/mod.ts'
import { Bye } from './errors.ts'
import type { Session } from './session.ts'

export interface Literal {
  readonly length: number
  readonly synchronising: boolean
  /** `~{`: it may hold NUL (RFC 3516). */
  readonly isBinary: boolean
  /** Where `{` or `~{` stands in the line. */
  readonly at: number
}

/** A line that ends in `{n}` or `{n+}` goes on with a literal. */
export function literalAt(line: Buffer): Literal | undefined {
  const end = lineEnd(line)
  if (line[end - 1] !== 0x7d) return undefined
  const tail = line.toString('latin1', Math.max(0, end - 24), end)
  const [whole = '', digits, plus] = /~?\{(\d{1,15})(\+?)\}$/.exec(tail) ?? []
  return digits === undefined
    ? undefined
    : {
        length: Number(digits),
        synchronising: plus === '',
        isBinary: whole.startsWith('~'),
        at: end - whole.length,
      }
}

const lineEnd = (line: Buffer): number => line.length - (line[line.length - 2] === 0x0d ? 2 : 1)

/** A line without its end and without the announcement of a literal. */
export function segmentOf(line: Buffer, literal: Literal | undefined): Buffer {
  return line.subarray(0, literal?.at ?? lineEnd(line))
}

export class CommandRest {
  readonly #session: Session
  /** What stands before the next literal, or the command's end. */
  cursor: Cursor
  #literal: Literal | undefined
  /** Octets of the literal in progress that have not come yet. */
  #left = 0
  #isInside = false

  constructor(session: Session, cursor: Cursor, literal?: Literal) {
    this.#session = session
    this.cursor = cursor
    this.#literal = literal
  }

  /** The literal that comes next, when the cursor has come to its end. */
  get literal(): Literal | undefined {
    return this.cursor.done ? this.#literal : undefined
  }

  takeEnd(): void {
    this.cursor.takeEnd()
    if (this.#literal !== undefined) throw new ImapError('BAD', 'Unexpected argument')
  }

  /** The octets of the next literal as they come; then the cursor stands behind it. */
  async *octets(): AsyncGenerator<Buffer> {
    const { input } = this.#session
    const literal = this.#begin()
    if (literal.synchronising) await this.#session.goAhead('Ready')
    while (this.#left > 0) {
      const piece = await input.some(this.#left)
      if (piece === undefined) throw new Bye('Connection lost in a literal')
      this.#left -= piece.length
      yield piece
    }
    await this.#next()
  }

  /** An `astring`, which may be a literal. */
  async takeAString(): Promise<string> {
    if (this.literal === undefined) return this.cursor.takeAString()
    if (this.literal.length > this.#session.deps.cf.imapd_literal_limit)
      throw new ImapError('NO', 'Literal is too large', { code: 'TOOBIG' })
    const octets = await Array.fromAsync(this.octets())
    return Buffer.concat(octets).toString()
  }

  /** Reads past what was refused and is coming all the same. A synchronising literal is not: its client waits for us. */
  async swallow(): Promise<void> {
    for (;;) {
      while (this.#left > 0) {
        const piece = await this.#session.input.some(this.#left)
        if (piece === undefined) throw new Bye('Connection lost in a literal')
        this.#left -= piece.length
      }
      if (this.#isInside) await this.#next()
      if (this.#literal === undefined || this.#literal.synchronising) return
      this.#begin()
    }
  }

  #begin(): Literal {
    const literal = this.#literal
    if (literal === undefined) throw this.cursor.bad('Expected a literal')
    this.#literal = undefined
    this.#left = literal.length
    this.#isInside = true
    return literal
  }

  async #next(): Promise<void> {
    const line = await this.#session.input.line(this.#session.deps.cf.imapd_line_limit)
    if (line === undefined) throw new Bye('Connection lost in a command')
    this.#isInside = false
    this.#literal = literalAt(line)
    this.cursor = new Cursor(segmentOf(line, this.#literal))
  }
}
