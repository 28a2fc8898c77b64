/** Replies as octets, and octets as replies. RFC 5321 §4.2, RFC 2034. */
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

/** With `?` for control characters: what a client or a table brought in must not end a line, of a reply or of the log. */
export function printable(text: string): string {
  return /(?!\t)\p{Cc}/u.test(text) ? text.replace(/(?!\t)\p{Cc}/gu, '?') : text
}

/** A peer that never ends its reply is cut off here. */
export const REPLY_LIMIT = 64 * 1024

/**
 * Reads replies from a stream in any cuts. `push` gives those that became whole.
 * Throws for what is no reply, and for one over REPLY_LIMIT.
 */
export class ReplyReader {
  #rest = ''
  #lines: string[] = []

  /** Nothing of a reply has come that is not whole. */
  get idle(): boolean {
    return this.#rest === '' && this.#lines.length === 0
  }

  push(chunk: Buffer): Reply[] {
    return this.lines(chunk).flatMap((line) => this.take(line) ?? [])
  }

  /** The lines that became whole, without their ends: for `take`, as they are or as a filter makes them. */
  lines(chunk: Buffer): string[] {
    this.#rest += chunk.toString('utf8')
    const lines = this.#rest.split('\n')
    this.#rest = lines.pop() ?? ''
    this.#bound()
    return lines.map((line) => line.replace(/\r$/, ''))
  }

  /** The reply that ends with this line. */
  take(line: string): Reply | undefined {
    if (!/^\d{3}([ -].*)?$/s.test(line)) throw new Error(`Not a reply: ${line.slice(0, 100)}`)
    this.#lines.push(line)
    this.#bound()
    if (line[3] === '-') return undefined
    const reply = parseReply(this.#lines)
    this.#lines = []
    return reply
  }

  #bound(): void {
    if (this.#rest.length + this.#lines.length * 4 > REPLY_LIMIT) throw new Error('The reply is too long')
  }
}

/** @param lines each `250-text` or `250 text` */
export function parseReply(lines: readonly string[]): Reply {
  const code = Number(lines.at(-1)?.slice(0, 3))
  const texts = lines.map((line) => line.slice(4))
  const [, status] = /^([245]\.\d{1,3}\.\d{1,3})(?: |$)/.exec(texts.at(-1) ?? '') ?? []
  if (status === undefined || status[0] !== String(code)[0]) return { code, lines: texts }
  const bare = texts.map((text) => (text.startsWith(status) ? text.slice(status.length).trimStart() : text))
  return { code, enhanced: status as EnhancedStatus, lines: bare } // by the expression above
}
