/**
 * Commands that run while others do (RFC 9051 §5.5). A search may take long; what its client sends meanwhile and what neither
 * changes messages nor depends on the search is answered at once, all else waits. One command speaks at a time, so that no
 * answer begins amid another's line.
 */
import { commands, type Row } from './commands/mod.ts'
import { Bye } from './errors.ts'
import type { Session } from './session.ts'

/** Searches of a session that go on beside its other commands; one more waits for the first that ends. */
export const ASIDES_LIMIT = 4

/** Whose turn it is to speak; first come, first served. */
export class Turns {
  #last: Promise<void> = Promise.resolve()
  #taken = 0
  /** Searches that have not come to their answer. */
  seeking = 0

  get taken(): boolean {
    return this.#taken > 0
  }
  /** Then no number of a message may move: what is found is counted by them (RFC 9051 §7.5.1). */
  get isSought(): boolean {
    return this.seeking > 0
  }

  /** Answers what gives the turn to the next. */
  async take(): Promise<() => void> {
    this.#taken++
    const before = this.#last
    const turn = Promise.withResolvers<void>()
    this.#last = turn.promise
    await before
    return () => {
      this.#taken--
      turn.resolve()
    }
  }
}

/** The searches that go on beside. */
export class Asides {
  readonly #ends = new Set<Promise<void>>()

  get empty(): boolean {
    return this.#ends.size === 0
  }

  add(end: Promise<void>): void {
    this.#ends.add(end)
    void end.finally(() => this.#ends.delete(end))
  }

  /** Resolves when a command may begin: beside them, or after all have answered. */
  async roomFor(octets: Buffer): Promise<void> {
    const row = commands.get(nameOf(octets))
    if (goesAside(row, octets) && ANSWERS_WITH_TAG.test(textOf(octets)))
      while (this.#ends.size >= ASIDES_LIMIT) await Promise.race(this.#ends)
    else if (!mayRunBeside(row, octets)) await this.ended()
  }

  /** Resolves when all have answered. */
  async ended(): Promise<void> {
    while (this.#ends.size > 0) await Promise.all(this.#ends)
  }
}

/** A command in progress. */
export class Running {
  tag = '*'
  /** How far it has come, where that is known. */
  progress: { readonly done: number; readonly goal: number } | undefined
  readonly #session: Session
  readonly #turns: Turns
  #release: (() => void) | undefined
  #seeks = false

  constructor(session: Session, turns: Turns) {
    this.#session = session
    this.#turns = turns
  }

  /** Whether it may write a line now, without waiting for its turn. */
  get speaks(): boolean {
    return this.#release !== undefined || !this.#turns.taken
  }

  /** Its turn to speak, until `end`. A search asks for it before its answer, others have it from the start. */
  async turn(): Promise<void> {
    if (this.#release !== undefined) return
    this.#release = await this.#turns.take()
    if (!this.#session.isOver) await this.#session.news.pause()
    if (this.#seeks) this.#turns.seeking--
    this.#seeks = false
    if (this.#session.isOver) throw new Bye('The session is over') // nothing is said behind BYE
  }

  /** Lets others speak, for it will be long: it asks for its turn again. */
  leave(): void {
    const release = this.#release
    this.#release = undefined
    this.#seeks = true
    this.#turns.seeking++
    void this.#session.news.resume()
    release?.()
  }

  /** The turn goes to the next once the client has taken the answer. */
  async end(): Promise<void> {
    const release = this.#release
    if (release === undefined) return
    try {
      await this.#session.news.resume()
    } finally {
      this.#release = undefined
      release()
    }
  }
}

const NAME = /^[^ ]+ ((?:UID )?[A-Z]+)/i

/** The command's name as the table has it. */
function nameOf(octets: Buffer): string {
  return NAME.exec(octets.toString('latin1', 0, 200))?.[1]?.toUpperCase() ?? ''
}

/** Whether it may run while searches go on. */
function mayRunBeside(row: Row | undefined, octets: Buffer): boolean {
  return row?.beside === true || (row?.peeks === true && !SETS_SEEN.test(textOf(octets)))
}

/** Whether it may go on while others run: a search that leaves nothing behind that they could mean. */
export function goesAside(row: Row | undefined, octets: Buffer): boolean {
  return row?.aside === true && !LEAVES.test(textOf(octets))
}

const textOf = (octets: Buffer): string => octets.toString('latin1')
/** RFC 5182, RFC 5267. Also where a word that is sought looks like it: then it only waits. */
const LEAVES = /\b(?:SAVE|UPDATE)\b/i
/** ESEARCH names its command; `* SEARCH` and its like do not, and come in the order of their commands. */
const ANSWERS_WITH_TAG = /\bRETURN \(/i
/** RFC 9051 §6.4.5, RFC 3516: what sets \Seen. */
const SETS_SEEN = /\b(?:BODY|BINARY)\[|\bRFC822(?!\.SIZE|\.HEADER)\b/i
