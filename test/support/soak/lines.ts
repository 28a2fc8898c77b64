/** A client's connection by lines, to a server that may die at any of them. */
import { connect, type Socket } from 'node:net'

/** How long an answer may take before its server counts as hanging. */
const LIMIT_MS = 60_000

export class Gone extends Error {}

export class Lines {
  readonly #socket: Socket
  #text = ''
  #ended = false
  #wake = (): void => {}

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      this.#text += chunk
      this.#wake()
    })
    for (const event of ['close', 'error', 'end'])
      socket.on(event, () => {
        this.#ended = true
        this.#wake()
      })
  }

  /** Rejects with Gone where nobody listens. */
  static async open(port: number): Promise<Lines> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    const lines = new Lines(socket)
    await new Promise<void>((done, fail) => {
      socket.once('connect', done)
      socket.once('error', () => fail(new Gone('nobody listens')))
    })
    return lines
  }

  say(text: string): void {
    this.#socket.write(text, 'latin1')
  }

  /** The next line, without its end. */
  async line(): Promise<string> {
    return (await this.through('\r\n')).slice(0, -2)
  }

  /** All up to an end, with it. */
  async through(end: string): Promise<string> {
    for (let from = 0; ;) {
      const at = this.#text.indexOf(end, from)
      if (at >= 0) {
        const found = this.#text.slice(0, at + end.length)
        this.#text = this.#text.slice(found.length)
        return found
      }
      if (this.#ended) throw new Gone('the server is gone')
      from = Math.max(0, this.#text.length - end.length)
      await this.#more()
    }
  }

  async #more(): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const isLate = await new Promise<boolean>((done) => {
      this.#wake = () => done(false)
      timer = setTimeout(() => done(true), LIMIT_MS)
    })
    clearTimeout(timer)
    if (isLate) throw new Error(`no answer within ${LIMIT_MS} ms`)
  }

  /** Reads nothing until it is called again. */
  pause(still: boolean): void {
    if (still) this.#socket.pause()
    else this.#socket.resume()
  }

  close(): void {
    this.#socket.destroy()
  }
}

export const sleep = (ms: number): Promise<void> => new Promise((wake) => setTimeout(wake, ms))

/** Does it again and again until the end; a server that is gone is waited for. */
export async function persist(isOver: () => boolean, work: () => Promise<void>): Promise<void> {
  while (!isOver()) {
    try {
      await work()
    } catch (error) {
      if (!(error instanceof Gone)) throw error
      await sleep(100)
    }
  }
}
