/** POP3 command lines and the errors they become. RFC 1939 §3, RFC 2449. */

/** Extended response codes. RFC 2449 §8, RFC 3206. */
export type ResponseCode = 'IN-USE' | 'LOGIN-DELAY' | 'SYS/TEMP' | 'SYS/PERM' | 'AUTH'

/** Ends the command in progress with `-ERR`; the session goes on. */
export class Pop3Error extends Error {
  readonly code: ResponseCode | undefined

  constructor(text: string, code?: ResponseCode, cause?: unknown) {
    super(text, { cause })
    this.code = code
  }

  /** The line, without its end. */
  get line(): string {
    return this.code === undefined ? `-ERR ${this.message}` : `-ERR [${this.code}] ${this.message}`
  }
}

export interface Command {
  /** In capitals. */
  readonly verb: string
  /** Words after it, as sent; a password may hold blanks, so the rest is kept whole beside. */
  readonly args: readonly string[]
  readonly rest: string
}

/** RFC 2449 §4: a command is at most 255 octets, CRLF included. */
export const COMMAND_LIMIT = 255

/** @param line without its line end. Octets above 127 are taken as UTF-8 (names and passwords of RFC 6856). */
export function parseCommand(line: Buffer): Command {
  const text = line.toString('utf8')
  const [, verb = '', rest = ''] = /^([A-Za-z][A-Za-z0-9]{2,7})(?: ([^]*))?$/.exec(text.trimEnd()) ?? []
  if (verb === '') throw new Pop3Error('Unknown command.')
  return { verb: verb.toUpperCase(), rest, args: rest.split(/ +/).filter((word) => word !== '') }
}

/** A message number: digits, from 1. RFC 1939 §5. */
export function messageNumber(word: string | undefined, what = 'message number'): number {
  if (word === undefined || !/^\d{1,10}$/.test(word)) throw new Pop3Error(`Invalid ${what}: ${word ?? 'missing'}`)
  return Number(word)
}
