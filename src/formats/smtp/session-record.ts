/** What was said in a session, line by line, for a postmaster to read. Secrets of AUTH are left out. */
import { printable } from '#src/base/mod.ts'
import type { Reply } from './contract.ts'
import { printReply } from './reply.ts'

/** Commands and replies kept of one session; the oldest go first. */
const ENTRIES_LIMIT = 1000
/** Characters of a command that are kept. */
const COMMAND_LIMIT = 1024

/** `AUTH PLAIN …`: what follows is a secret. */
const SECRET = /^(\s*AUTH\s+\S+\s)\s*\S.*$/is

export class SessionRecord {
  readonly #labels: { readonly command: string; readonly reply: string }
  #entries: (string | Reply)[] = []

  /** @param side whose record it is: a server hears commands and says replies */
  constructor(side: 'server' | 'client') {
    this.#labels = side === 'server' ? { command: 'In:  ', reply: 'Out: ' } : { command: 'Out: ', reply: 'In:  ' }
  }

  /** Commands and replies that are kept. */
  get length(): number {
    return this.#entries.length
  }

  /** @param isSecret whether it is known to be one; what answers a 334 is in any case */
  command(text: string, isSecret = false): void {
    const last = this.#entries.at(-1)
    const answersChallenge = typeof last === 'object' && last.code === 334
    this.#add(isSecret || answersChallenge ? '…' : text.slice(0, COMMAND_LIMIT).replace(SECRET, '$1…'))
  }

  reply(reply: Reply): void {
    this.#add(reply)
  }

  /** All lines, `In:  EHLO …`, `Out: 250 …`; they are forgotten then. */
  take(): string[] {
    const { command, reply } = this.#labels
    const lines = this.#entries.flatMap((entry) =>
      typeof entry === 'string'
        ? [command + printable(entry)]
        : printReply(entry)
            .trimEnd()
            .split('\r\n')
            .map((line) => reply + line),
    )
    this.#entries = []
    return lines
  }

  #add(entry: string | Reply): void {
    this.#entries.push(entry)
    if (this.#entries.length > ENTRIES_LIMIT) this.#entries.shift()
  }
}
