/** Finds the messages of an mbox while its octets pass by. */
import { FROM_LINE_LIMIT, type FromLine, parseFromLine } from './from-line.ts'

export interface MboxMessage {
  /** Of the From_ line. */
  readonly offset: number
  /** Behind the From_ line. */
  readonly textOffset: number
  /** Up to the next From_ line. */
  readonly end: number
  readonly from: FromLine
}

const NEWLINE_FROM = Buffer.from('\nFrom ')
const LF = 0x0a

/**
 * A message begins at each line that parseFromLine knows, as for c-client and Dovecot; programs that write quote such lines.
 */
export class MboxScanner {
  #found: { offset: number; textOffset: number; from: FromLine }[] = []
  /** The first line is one like the others: as if a line ended before it. */
  #rest = Buffer.from('\n')
  #at = -1
  /** Where the first octet that is no message's stands, when the file does not begin with one. */
  stray: number | undefined

  /** Pieces in order. */
  push(piece: Buffer): void {
    const octets = Buffer.concat([this.#rest, piece])
    let at = octets.indexOf(NEWLINE_FROM)
    // A line whose end is not there yet waits for the next piece.
    const whole = Math.max(0, octets.length - FROM_LINE_LIMIT)
    for (; at >= 0 && at < whole; at = octets.indexOf(NEWLINE_FROM, at + 1)) this.#look(octets, at + 1)
    this.#rest = Buffer.from(octets.subarray(whole))
    this.#at += whole
  }

  /** All messages of the file. @param size of the file */
  end(size: number): MboxMessage[] {
    const octets = this.#rest
    for (let at = octets.indexOf(NEWLINE_FROM); at >= 0; at = octets.indexOf(NEWLINE_FROM, at + 1))
      this.#look(octets, at + 1)
    const first = this.#found[0]?.offset ?? size
    if (first > 0) this.stray = 0
    return this.#found.map((one, i) => ({ ...one, end: this.#found[i + 1]?.offset ?? size }))
  }

  #look(octets: Buffer, at: number): void {
    const lf = octets.indexOf(LF, at)
    const end = lf < 0 ? octets.length : lf
    if (end - at > FROM_LINE_LIMIT) return
    const offset = this.#at + at
    const from = parseFromLine(octets.toString('latin1', at, end).replace(/\r$/, ''))
    if (from !== undefined) this.#found.push({ offset, textOffset: this.#at + Math.min(octets.length, end + 1), from })
  }
}
