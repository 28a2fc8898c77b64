/** The server's end of the pipe: what it asks of the launcher that started it. */
import type { Duplex } from 'node:stream'
import type { CommandEnd, RunAs, RunRequest } from '../../mail/delivery/mod.ts'
import { OUTPUT_LIMIT } from '../../mail/delivery/mod.ts'
import { ANSWER_LIMIT, type Frame, frame, FrameReader, unpackAnswer } from './frames.ts'
import type { LauncherRequest, RunWords } from './requests.ts'

interface Facts {
  readonly ok: boolean
  readonly error?: string
  readonly [fact: string]: unknown
}

interface Answer {
  readonly facts: Facts
  readonly octets: Buffer
}

interface Asked {
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: Error) => void
  readonly input: Iterator<Buffer> | AsyncIterator<Buffer>
}

/** Octets of a message that are handed on at a time. */
const PIECE = 256 * 1024

export class LauncherClient {
  readonly #pipe: Duplex
  readonly #asked = new Map<number, Asked>()
  #next = 1
  /** Resolves when the launcher has gone. */
  readonly gone: Promise<void>

  constructor(pipe: Duplex) {
    this.#pipe = pipe
    const reader = new FrameReader(ANSWER_LIMIT)
    pipe.on('data', (chunk: Buffer) => {
      for (const one of reader.push(chunk)) this.#take(one)
    })
    pipe.on('error', () => pipe.destroy())
    this.gone = new Promise((resolve) => {
      pipe.on('close', () => {
        for (const { reject } of this.#asked.values()) reject(new Error('the launcher has gone'))
        this.#asked.clear()
        resolve()
      })
    })
  }

  ready(): void {
    this.#pipe.write(frame(0, 'ready'))
  }

  close(): void {
    this.#pipe.destroy()
  }

  /** Runs a command as its user. Never rejects. */
  readonly run: RunAs = async (request: RunRequest): Promise<CommandEnd> => {
    const { uid, gid, argv, env, cwd, timeLimitMs, outputLimit = OUTPUT_LIMIT, stdoutOnly = false, input } = request
    const words: RunWords = { ask: 'run', uid, gid, argv, env, cwd, timeLimitMs, outputLimit, stdoutOnly }
    try {
      const { facts, octets } = await this.#ask(words, iteratorOf(input))
      if (!facts.ok) return { ended: 'refused', text: String(facts.error) }
      const { ended } = facts
      if (ended === 'exited') return { ended, status: Number(facts['status']), output: octets }
      if (ended === 'killed') return { ended, signal: Number(facts['signal']), output: octets }
      if (ended === 'timeout') return { ended, output: octets }
      const { errno } = facts
      return { ended: 'refused', text: String(facts['text']), ...(typeof errno === 'string' && { errno }) }
    } catch (error) {
      return { ended: 'refused', text: error instanceof Error ? error.message : String(error) }
    }
  }

  /** A file that main.cf or master.cf names. Rejects with the reason. */
  async read(path: string): Promise<string> {
    const { facts, octets } = await this.#ask({ ask: 'read', path })
    if (!facts.ok) throw new Error(`${path}: ${facts.error}`)
    return octets.toString('latin1')
  }

  /** Whether it is the system password of a user. Rejects when that cannot be told. */
  async verify(user: string, password: string): Promise<boolean> {
    const { facts } = await this.#ask({ ask: 'password', user, password })
    if (!facts.ok) throw new Error(facts.error)
    return facts['right'] === true
  }

  #ask(words: LauncherRequest, input: Asked['input'] = [][Symbol.iterator]()): Promise<Answer> {
    if (this.#pipe.destroyed) return Promise.reject(new Error('the launcher has gone'))
    const id = this.#next
    this.#next = id >= 0xffff_ffff ? 1 : id + 1
    return new Promise((resolve, reject) => {
      this.#asked.set(id, { resolve, reject, input })
      this.#pipe.write(frame(id, 'request', Buffer.from(JSON.stringify(words))))
    })
  }

  #take({ id, kind, payload }: Frame): void {
    const asked = this.#asked.get(id)
    if (asked === undefined) return
    if (kind === 'more') void this.#sendMore(id, asked)
    else if (kind === 'answer') {
      this.#asked.delete(id)
      const { facts, octets } = unpackAnswer(payload)
      asked.resolve({ facts: facts as Facts, octets }) // our own launcher's words
    }
  }

  async #sendMore(id: number, { input, reject }: Asked): Promise<void> {
    try {
      const { done, value } = await input.next()
      if (this.#pipe.destroyed) return
      this.#pipe.write(done === true ? frame(id, 'end') : frame(id, 'data', value))
    } catch (error) {
      // The command must not take half a message for a whole one: with the pipe it ends too.
      reject(error instanceof Error ? error : new Error(String(error)))
      this.#pipe.destroy()
    }
  }
}

async function* iteratorOf(input: RunRequest['input']): AsyncGenerator<Buffer> {
  for await (const octets of input)
    for (let at = 0; at < octets.length; at += PIECE) yield octets.subarray(at, at + PIECE)
}
