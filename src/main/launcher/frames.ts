/**
 * What passes between the launcher and the server: frames of length (4 octets), number of the request (4), kind (1),
 * payload. Both sides number alike; the server begins.
 */

/** `request`, `data`, `end`, `ready` go to the launcher; `more`, `answer` come back. */
export const KINDS = ['request', 'data', 'end', 'ready', 'more', 'answer'] as const
export type FrameKind = (typeof KINDS)[number]

export interface Frame {
  readonly id: number
  readonly kind: FrameKind
  readonly payload: Buffer
}

const HEAD = 9
/** Octets of a frame that the launcher takes; a piece of a message is smaller. */
export const REQUEST_LIMIT = 2 * 1024 * 1024
/** Octets of an answer: what a command may print, with its facts. */
export const ANSWER_LIMIT = 256 * 1024 * 1024

export class FrameError extends Error {}

export function frame(id: number, kind: FrameKind, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(HEAD)
  head.writeUInt32BE(payload.length, 0)
  head.writeUInt32BE(id, 4)
  head.writeUInt8(KINDS.indexOf(kind), 8)
  return Buffer.concat([head, payload])
}

/** Cuts a stream into frames. Throws FrameError for what is none: then nothing behind it can be believed. */
export class FrameReader {
  readonly #limit: number
  #chunks: Buffer[] = []
  #length = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  push(chunk: Buffer): Frame[] {
    this.#chunks.push(chunk)
    this.#length += chunk.length
    const frames: Frame[] = []
    for (let next = this.#take(); next !== undefined; next = this.#take()) frames.push(next)
    return frames
  }

  #take(): Frame | undefined {
    if (this.#length < HEAD) return undefined
    if ((this.#chunks[0]?.length ?? 0) < HEAD) this.#join()
    const head = this.#chunks[0] ?? Buffer.alloc(HEAD)
    const length = head.readUInt32BE(0)
    const kind = KINDS[head.readUInt8(8)]
    if (length > this.#limit || kind === undefined) throw new FrameError('not a frame')
    if (this.#length < HEAD + length) return undefined
    this.#join()
    const all = this.#chunks[0] ?? head
    const rest = all.subarray(HEAD + length)
    this.#chunks = [rest]
    this.#length = rest.length
    return { id: head.readUInt32BE(4), kind, payload: all.subarray(HEAD, HEAD + length) }
  }

  #join(): void {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)]
  }
}

/** Facts as JSON, then octets as they are. */
export function packAnswer(facts: object, octets: Buffer = Buffer.alloc(0)): Buffer {
  return Buffer.concat([Buffer.from(`${JSON.stringify(facts)}\n`), octets])
}

export function unpackAnswer(payload: Buffer): { readonly facts: unknown; readonly octets: Buffer } {
  const end = payload.indexOf(0x0a)
  return { facts: JSON.parse(payload.toString('utf8', 0, end)), octets: payload.subarray(end + 1) }
}
