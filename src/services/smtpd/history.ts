/**
 * What a session said and heard, kept for the postmaster: one that had errors of a class in notify_classes is told of when it
 * ends. Postfix: smtpd_chat.c.
 */
import { type Reply, SessionRecord } from '../../formats/smtp/mod.ts'

/** postconf(5) notify_classes, as far as they are about sessions. */
export type ErrorClass = 'bounce' | 'data' | 'policy' | 'protocol' | 'resource' | 'software'

/** A session for the postmaster. */
export interface Transcript {
  /** `client.example[192.0.2.1]` */
  readonly peer: string
  /** `Out: 220 …`, `In:  EHLO …` */
  readonly lines: readonly string[]
  readonly classes: ReadonlySet<ErrorClass>
  /** `lost connection`, `timeout`, `too many errors` */
  readonly aborted: string | undefined
}

const SYNTAX: ReadonlySet<number> = new Set([500, 501, 502, 503, 504, 555])

/** What an error reply is to the postmaster; undefined for nothing. @param where the command it answers */
export function errorClass({ code, enhanced, lines }: Reply, where: string): ErrorClass | undefined {
  const [text = ''] = lines
  if (code < 400) return undefined
  if (SYNTAX.has(code)) return 'protocol'
  if (where === 'AUTH') return undefined // a wrong password is nobody's business but the user's
  if (code === 421) return text.endsWith('too many errors') ? 'protocol' : enhanced === '4.3.0' ? 'data' : 'policy'
  if (enhanced === '4.3.1' || text.endsWith('queue file write error')) return 'resource'
  if (code === 451 && enhanced?.startsWith('4.3.') === true) return 'software'
  if (where === 'END-OF-MESSAGE' && (enhanced === '5.3.4' || enhanced === '5.4.0')) return 'bounce'
  return 'policy'
}

export class SessionHistory {
  readonly #record = new SessionRecord('server')
  #classes = new Set<ErrorClass>()
  aborted: string | undefined

  /** How many lines are kept, more or less: a reply counts as one. */
  get length(): number {
    return this.#record.length
  }

  heard(line: Buffer): void {
    this.#record.command(line.toString())
  }

  said(reply: Reply, where: string): void {
    const found = errorClass(reply, where)
    if (found !== undefined) this.#classes.add(found)
    this.#record.reply(reply)
  }

  /** What there is, and a new beginning. */
  take(peer: string): Transcript {
    const transcript = { peer, lines: this.#record.take(), classes: this.#classes, aborted: this.aborted }
    this.#classes = new Set()
    return transcript
  }
}
