/** Replies as octets, and octets as replies. RFC 5321 §4.2, RFC 2034. */
import { printable } from '#src/base/mod.ts'
import type { EnhancedStatus, Reply } from './contract.ts'

/**
 * @param enhanced whether enhanced status codes are said (they are left out where `smtpd_discard_ehlo_keywords` says so)
 */
export function printReply({ code, enhanced: status, lines }: Reply, enhanced = true): string {
  const prefix = enhanced && status !== undefined ? `${status} ` : ''
  const last = lines.length - 1
  let text = ''
  for (let i = 0; i <= last; i++) text += `${code}${i < last ? '-' : ' '}${prefix}${printable(lines[i]!)}\r\n`
  return text
}

/** A peer that never ends its reply is cut off here. */
const REPLY_LIMIT = 64 * 1024
/** Octets of a line, and of the text of a reply, that are kept where nothing else is set: Postfix's line_length_limit. */
const LINE_LIMIT = 2048

/**
 * Reads replies from a stream in any cuts. `push` gives those that became whole. As in Postfix, what has no reply code is
 * passed over but for its text: some servers greet with words of their own. Throws for a reply over REPLY_LIMIT.
 */
export class ReplyReader {
  /** Octets as latin1, of a line that is not whole. */
  #rest = ''
  #restOctets = 0
  #lines: string[] = []
  #octets = 0
  readonly #lineLimit: number

  /** @param lineLimit octets of a line, and of the text of a reply, that are kept */
  constructor(lineLimit = LINE_LIMIT) {
    this.#lineLimit = lineLimit
  }

  /** Nothing of a reply has come that is not whole. */
  get idle(): boolean {
    return this.#rest === '' && this.#lines.length === 0
  }

  push(chunk: Buffer): Reply[] {
    return this.lines(chunk).flatMap((line) => this.take(line) ?? [])
  }

  /** The lines that became whole, without their ends: for `take`, as they are or as a filter makes them. */
  lines(chunk: Buffer): string[] {
    const pieces = chunk.toString('latin1').split('\n')
    return pieces.flatMap((piece, i) => {
      this.#restOctets += piece.length
      if (this.#restOctets > REPLY_LIMIT) throw new Error('The reply is too long')
      this.#rest = (this.#rest + piece).slice(0, this.#lineLimit)
      return i === pieces.length - 1 ? [] : [this.#endLine()]
    })
  }

  /** The reply that ends with this line. */
  take(line: string): Reply | undefined {
    this.#octets += line.length
    if (this.#octets > REPLY_LIMIT) throw new Error('The reply is too long')
    this.#lines.push(line)
    if (!/^\d{3}( |$)/.test(line)) return undefined
    const reply = parseReply(this.#lines, this.#lineLimit)
    this.#lines = []
    this.#octets = 0
    return reply
  }

  #endLine(): string {
    const line = this.#rest.replace(/\r+$/, '')
    this.#rest = ''
    this.#restOctets = 0
    return Buffer.from(line, 'latin1')
      .toString('utf8')
      .replace(/\p{Cc}|\ufffd/gu, '?')
  }
}

/** @param lines each `250-text` or `250 text`; others are not the reply's */
export function parseReply(lines: readonly string[], textLimit = LINE_LIMIT): Reply {
  const last = lines.at(-1) ?? ''
  const code = Number(last.slice(0, 3))
  const text = textOf(lines, textLimit)
  const texts = lines.filter((line) => /^\d{3}([ -]|$)/.test(line)).map((line) => line.slice(4))
  const [, status] = /^ *([245]\.\d{1,3}\.\d{1,3})(?: |$)/.exec(last.slice(4)) ?? []
  if (status === undefined || status[0] !== last[0]) return { code, lines: texts, text }
  const bare = texts.map((one) =>
    one.trimStart().startsWith(status) ? one.trimStart().slice(status.length).trimStart() : one,
  )
  return { code, enhanced: status as EnhancedStatus, lines: bare, text } // by the expression above
}

function textOf(lines: readonly string[], limit: number): string {
  let text = ''
  for (const line of lines) {
    if (text.length >= limit) break
    text += text === '' ? line : `\n${line}`
  }
  return text
}
