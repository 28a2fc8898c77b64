/** The launcher's end of the pipe: reads requests, asks for the message piece by piece, answers. */
import type { Duplex } from 'node:stream'
import type { Answerer } from './answers.ts'
import { type Frame, frame, FrameReader, packAnswer, REQUEST_LIMIT } from './frames.ts'
import { parseRequest, RefusedError } from './requests.ts'

/** Requests at a time. */
const OPEN_LIMIT = 600

interface Waiting {
  readonly resolve: (piece: Buffer | undefined) => void
}

/** Calls `ready` when the server says so. What is no frame closes the pipe, and with it the server. */
export function serveRequests(pipe: Duplex, answerer: Pick<Answerer, 'answer'>, ready: () => void): void {
  const open = new Map<number, Input>()
  const reader = new FrameReader(REQUEST_LIMIT)
  const say = (id: number, payload: Buffer): void => {
    open.delete(id)
    if (!pipe.destroyed) pipe.write(frame(id, 'answer', payload))
  }
  const take = ({ id, kind, payload }: Frame): void => {
    if (kind === 'ready') ready()
    else if (kind === 'data') open.get(id)?.give(payload)
    else if (kind === 'end') open.get(id)?.give(undefined)
    else if (kind !== 'request' || open.has(id) || open.size >= OPEN_LIMIT)
      say(id, packAnswer({ ok: false, error: 'not a request' }))
    else {
      const input = new Input(() => void (!pipe.destroyed && pipe.write(frame(id, 'more'))))
      open.set(id, input)
      void answerOne(payload, input.pieces(), answerer).then((answer) => say(id, answer))
    }
  }
  pipe.on('error', () => pipe.destroy())
  pipe.on('data', (chunk: Buffer) => {
    try {
      for (const one of reader.push(chunk)) take(one)
    } catch {
      pipe.destroy()
    }
  })
  pipe.on('close', () => {
    for (const input of open.values()) input.fail()
  })
}

async function answerOne(
  payload: Buffer,
  input: AsyncIterable<Buffer>,
  answerer: Pick<Answerer, 'answer'>,
): Promise<Buffer> {
  try {
    return await answerer.answer(parseRequest(payload), input)
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error)
    return packAnswer({ ok: false, error: text, refused: error instanceof RefusedError })
  }
}

/** A message on its way to a command: one piece at a time, so that a slow command holds nobody's memory. */
class Input {
  readonly #ask: () => void
  #waiting: (Waiting & { readonly reject: (error: Error) => void }) | undefined
  #failed = false

  constructor(ask: () => void) {
    this.#ask = ask
  }

  async *pieces(): AsyncGenerator<Buffer> {
    for (let piece = await this.#next(); piece !== undefined; piece = await this.#next()) yield piece
  }

  #next(): Promise<Buffer | undefined> {
    if (this.#failed) return Promise.reject(new Error('the server has gone'))
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
      this.#ask()
    })
  }

  give(piece: Buffer | undefined): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.resolve(piece)
  }

  fail(): void {
    this.#failed = true
    this.#waiting?.reject(new Error('the server has gone'))
  }
}
