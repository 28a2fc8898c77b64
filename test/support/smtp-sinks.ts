/** Debian's smtp-sink in its failing moods, one process each; what the good ones took stands in their dumps. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'

/**
 * What must become of mail: in the end taken, taken if there is time enough, refused for good, or waiting (and returned when it
 * is too old).
 */
export type Fate = 'taken' | 'late' | 'refused' | 'waits'

export const SINK_MOODS: readonly (readonly [Fate, ...string[]])[] = [
  ['taken'],
  ['taken', '-e'],
  ['taken', '-p'],
  ['taken', '-8', '-E', '-N'],
  ['taken', '-h', 'other.test'],
  // Asterisks where a greeting says ESMTP, as old firewalls made them.
  ['taken', '-P'],
  // EHLO is refused or put off: HELO is left.
  ['taken', '-f', 'EHLO'],
  ['taken', '-r', 'EHLO'],
  ['late', '-w', '1'],
  // Without PIPELINING: its replies overtake one another while it waits.
  ['late', '-p', '-W', 'RCPT:1:20'],
  ['taken', '-q', 'QUIT'],
  // It ends after so many sessions, and is started again.
  ['late', '-n', '30'],
  ['refused', '-f', 'CONNECT'],
  ['refused', '-f', 'HELO,EHLO'],
  ['refused', '-f', 'MAIL'],
  ['refused', '-f', 'RCPT'],
  ['refused', '-f', 'DATA'],
  ['refused', '-f', '.'],
  ['refused', '-A', '0'],
  ['waits', '-r', 'CONNECT'],
  ['waits', '-r', 'HELO,EHLO'],
  ['waits', '-r', 'MAIL'],
  ['waits', '-r', 'RCPT'],
  ['waits', '-r', 'DATA'],
  ['waits', '-r', '.'],
  ['waits', '-q', 'CONNECT'],
  ['waits', '-q', 'EHLO'],
  ['waits', '-q', 'MAIL'],
  ['waits', '-q', 'RCPT'],
  ['waits', '-q', 'DATA'],
  ['waits', '-q', '.'],
  ['waits', '-Q', 'CONNECT'],
  ['waits', '-Q', 'EHLO'],
  ['waits', '-Q', 'MAIL'],
  ['waits', '-Q', 'RCPT'],
  ['waits', '-Q', 'DATA'],
  ['waits', '-Q', '.'],
  // LMTP: an answer for each recipient.
  ['taken', '-L'],
  ['refused', '-L', '-f', 'RCPT'],
  ['refused', '-L', '-f', '.'],
  ['waits', '-L', '-r', '.'],
  ['waits', '-L', '-q', '.'],
]

const PROGRAM = '/usr/sbin/smtp-sink'
export const hasSmtpSink = existsSync(PROGRAM)

const dumpOf = (dir: string, n: number): string => join(dir, `sink${n}`)

export class SmtpSinks {
  readonly #dir: string
  readonly #children = new Map<number, ChildProcess>()
  readonly #port: number
  #stopping = false

  /** @param dir must be writable by all: smtp-sink runs as nobody */
  constructor(dir: string, port: number) {
    this.#dir = dir
    this.#port = port
    chmodSync(dir, 0o777)
    process.once('exit', this.#last)
  }

  /** Also where whoever uses them ends too early. */
  readonly #last = (): void => {
    for (const child of this.#children.values()) child.kill('SIGTERM')
  }

  addressOf(n: number): string {
    return `127.0.3.${n + 1}`
  }

  async start(): Promise<void> {
    await Promise.all(SINK_MOODS.map((_, n) => this.#start(n)))
  }

  async #start(n: number): Promise<void> {
    const [, ...mood] = SINK_MOODS[n] ?? ['taken']
    const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : []
    const words = [...user, ...mood, '-D', dumpOf(this.#dir, n), `${this.addressOf(n)}:${this.#port}`, '128']
    const child = spawn(PROGRAM, words, { stdio: 'ignore' })
    this.#children.set(n, child)
    child.once('exit', () => {
      if (!this.#stopping) void this.#start(n)
    })
    await this.#listens(this.addressOf(n))
  }

  async #listens(host: string): Promise<void> {
    for (let tries = 0; tries < 100; tries++) {
      const socket = connect({ host, port: this.#port })
      const up = await new Promise<boolean>((resolve) => {
        socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
      })
      socket.destroy()
      if (up) return
      await new Promise((wake) => setTimeout(wake, 50))
    }
    throw new Error(`smtp-sink does not listen on ${host}:${this.#port}`)
  }

  async stop(): Promise<void> {
    this.#stopping = true
    process.off('exit', this.#last)
    for (const child of this.#children.values()) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      const gone = once(child, 'exit')
      child.kill('SIGTERM')
      await gone
    }
  }

  /** Recipients of the messages that came whole to a sink of that mood. */
  taken(n: number): ReadonlySet<string> {
    const file = dumpOf(this.#dir, n)
    if (!existsSync(file)) return new Set()
    return new Set(Array.from(readFileSync(file, 'latin1').matchAll(/^X-Rcpt-Args: <([^>]*)>/gm), ([, to]) => to ?? ''))
  }
}
