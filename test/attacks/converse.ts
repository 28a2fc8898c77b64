/** An attacker's side of a session: octets as they are, each piece once the one before has its answer. */
import { connect, type Socket } from 'node:net'

/** How long an answer may keep a test waiting. */
const LIMIT_MS = 60_000
/** A whole reply of SMTP; POP3's and IMAP's end with a line that a test waits for. */
const REPLY = /^\d{3}(?: [^\n]*)?\r?\n/m

export interface Converse {
  /** What an answer ends with; a reply of SMTP, where it is not said. */
  readonly answer?: RegExp
  readonly from?: string
  /** Whether the greeting is waited for. */
  readonly greeting?: boolean
}

/** Says the pieces in turn; answers all that was said up to the end of the connection, which the last piece has to bring about. */
export async function converse(
  port: number | string,
  pieces: readonly (string | Buffer)[],
  { answer = REPLY, from = '127.0.0.1', greeting = true }: Converse = {},
  host = '127.0.0.1',
): Promise<string> {
  const socket = typeof port === 'string' ? connect(port) : connect({ port, host, localAddress: from, noDelay: true })
  const ear = new Ear(socket)
  try {
    if (greeting) await ear.until(answer)
    for (const [i, piece] of pieces.entries()) {
      socket.write(Buffer.isBuffer(piece) ? piece : Buffer.from(piece, 'latin1'))
      if (i < pieces.length - 1) await ear.until(answer)
    }
    await ear.until(undefined)
    return ear.said
  } finally {
    socket.destroy()
  }
}

export class Ear {
  said = ''
  #heard = 0
  #ended = false
  #wake = (): void => {}

  constructor(socket: Socket) {
    socket.on('data', (chunk: Buffer) => {
      this.said += chunk.toString('latin1')
      this.#wake()
    })
    const end = (): void => {
      this.#ended = true
      this.#wake()
    }
    socket.on('close', end).on('error', end).on('end', end)
  }

  /** Answers what was said since the last time, up to the pattern; undefined: up to the end. */
  async until(pattern: RegExp | undefined): Promise<string> {
    const limit = Date.now() + LIMIT_MS
    for (;;) {
      const news = this.said.slice(this.#heard)
      const found = pattern?.exec(news)
      if (this.#ended || found) {
        const heard = found ? news.slice(0, found.index + found[0].length) : news
        this.#heard += heard.length
        return heard
      }
      if (Date.now() > limit) throw new Error(`no ${pattern ?? 'end'} behind ${JSON.stringify(this.said.slice(-500))}`)
      const { promise, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(resolve, 500)
      this.#wake = resolve
      await promise
      clearTimeout(timer)
    }
  }
}

/** The reply codes of what an SMTP server said. */
export function codes(said: string): string {
  return [...said.matchAll(/^(\d{3})(?: |\r|$)/gm)].map(([, code]) => code).join(' ')
}
