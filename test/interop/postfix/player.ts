/** Plays a session against a server, and gives back every reply. */
import { connect, type Socket } from 'node:net'

/** A command; or content, which is sent only after 354. */
export type Step = string | { readonly content: string }

export interface Play {
  readonly steps: readonly Step[]
  /** For whom XCLIENT speaks first; '' for nobody: then it is this host. */
  readonly client: string
  /** The address that the client comes from; by default a stranger's, which is not in inet_interfaces. */
  readonly from?: string | undefined
}

/** How long a reply may take. */
const REPLY_LIMIT_MS = 20_000
const CLOSED = '<closed>'
const SILENCE = '<silence>'

export const DEFAULT_CLIENT = 'ADDR=192.0.2.7 NAME=client.example.test REVERSE_NAME=client.example.test PORT=4711'

/** One reply a step, in front of them the greeting and those to XCLIENT; the last is `<closed>` where the server hung up. */
export async function play(host: string, port: number, { steps, client, from }: Play): Promise<string[]> {
  const localAddress = from ?? (client === '' ? undefined : '127.0.0.2')
  const peer = new Peer(connect({ port, host, ...(localAddress !== undefined && { localAddress }) }))
  const replies = [await peer.reply()]
  if (replies[0] === SILENCE) throw new Error(`nobody answers on port ${port}`) // rather than wait for each session
  try {
    if (client !== '') replies.push(await peer.ask(`XCLIENT ${client}`))
    for (const step of steps) {
      if (replies.at(-1) === CLOSED) break
      if (typeof step === 'string') replies.push(await peer.ask(step))
      else if (replies.at(-1)?.startsWith('354') === true) replies.push(await peer.send(step.content))
    }
    return replies
  } finally {
    peer.close()
  }
}

class Peer {
  readonly #socket: Socket
  #text = ''
  #ended = false
  #error: Error | undefined
  #wake: () => void = () => {}

  constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => {
      this.#text += chunk
      this.#wake()
    })
    const end = (): void => {
      this.#ended = true
      this.#wake()
    }
    socket.on('close', end)
    socket.on('error', (error) => {
      this.#error = error
      end()
    })
  }

  ask(line: string): Promise<string> {
    this.#socket.write(Buffer.from(line + '\r\n'))
    return this.reply()
  }

  send(content: string): Promise<string> {
    this.#socket.write(Buffer.from(content + '\r\n.\r\n'))
    return this.reply()
  }

  /** The next whole reply, its lines parted by LF. */
  async reply(): Promise<string> {
    const until = Date.now() + REPLY_LIMIT_MS
    for (;;) {
      const whole = /^(?:\d{3}-[^\r\n]*\r\n)*\d{3}(?: [^\r\n]*)?\r\n/.exec(this.#text)
      if (whole !== null) {
        this.#text = this.#text.slice(whole[0].length)
        return whole[0].trimEnd().replaceAll('\r\n', '\n')
      }
      // Not an answer of the server's: there is none.
      if (this.#error !== undefined && 'code' in this.#error && this.#error.code === 'ECONNREFUSED') throw this.#error
      if (this.#ended) return this.#text === '' ? CLOSED : `<broken: ${this.#text}>`
      if (Date.now() > until) return SILENCE
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, REPLY_LIMIT_MS)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }

  close(): void {
    this.#socket.destroy()
  }
}
