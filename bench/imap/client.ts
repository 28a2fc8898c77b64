/** A lean IMAP client: counts octets, keeps text only where asked to, and looks for the tagged answer at the end of what came. */
import { connect as netConnect, type Socket } from 'node:net'
import { connect as tlsConnect } from 'node:tls'
import { PASSWORD } from './servers.ts'

export interface Answer {
  readonly octets: number
  /** All that was said; only where asked for. */
  readonly text: string
}

interface Waiting {
  /** Begins the line that ends the answer. */
  readonly mark: string
  readonly asked: string
  readonly chunks: Buffer[] | undefined
  readonly from: number
  resolve(answer: Answer): void
  reject(error: Error): void
}

/** The last line of an answer, capabilities and all, is shorter than this. */
const TAIL = 4096

export interface Message {
  readonly content: Buffer
  /** Flags and date as APPEND has them. */
  readonly options: string
}

export class ImapClient {
  readonly #socket: Socket
  readonly #prefix = `q${Math.random().toString(36).slice(2, 8)}`
  #commands = 0
  #octets = 0
  #tail = ''
  #waiting: Waiting | undefined
  /** Hears all that comes. */
  onData: ((chunk: Buffer) => void) | undefined

  private constructor(socket: Socket) {
    this.#socket = socket
    const fail = (error?: Error): void => this.#waiting?.reject(error ?? new Error('The connection ended'))
    socket.on('data', (chunk: Buffer) => this.#data(chunk))
    socket.on('error', fail)
    socket.on('close', () => fail())
  }

  static async open(port: number, user?: string, tls = false): Promise<ImapClient> {
    const host = '127.0.0.1'
    const socket = tls ? tlsConnect({ port, host, rejectUnauthorized: false }) : netConnect({ port, host })
    socket.setNoDelay(true)
    const client = new ImapClient(socket)
    await client.#expect('* ', 'the greeting', false)
    if (user !== undefined) await client.command(`LOGIN ${user} ${PASSWORD}`)
    return client
  }

  /** @throws where the answer is not OK */
  command(text: string, keep = false): Promise<Answer> {
    const tag = `${this.#prefix}${++this.#commands} `
    const answer = this.#expect(tag, text, keep)
    this.#socket.write(`${tag}${text}\r\n`)
    return answer
  }

  /** One APPEND with one literal a message. */
  append(mailbox: string, messages: readonly Message[]): Promise<Answer> {
    const tag = `${this.#prefix}${++this.#commands} `
    const answer = this.#expect(tag, 'APPEND', false)
    const pieces = messages.flatMap(({ content, options }) => [
      Buffer.from(` ${options} {${content.length}+}\r\n`),
      content,
    ])
    this.#socket.write(Buffer.concat([Buffer.from(`${tag}APPEND ${mailbox}`), ...pieces, Buffer.from('\r\n')]))
    return answer
  }

  async idle(): Promise<void> {
    const idling = this.#expect('+ ', 'IDLE', false)
    this.#socket.write(`${this.#prefix}${++this.#commands} IDLE\r\n`)
    await idling
  }

  async logout(): Promise<void> {
    await this.command('LOGOUT')
    this.destroy()
  }

  destroy(): void {
    this.#waiting = undefined
    this.#socket.destroy()
  }

  #expect(mark: string, asked: string, keep: boolean): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#tail = ''
      this.#waiting = { mark, asked, chunks: keep ? [] : undefined, from: this.#octets, resolve, reject }
    })
  }

  #data(chunk: Buffer): void {
    this.#octets += chunk.length
    this.onData?.(chunk)
    const waiting = this.#waiting
    if (waiting === undefined) return
    waiting.chunks?.push(chunk)
    this.#tail = (this.#tail + chunk.toString('latin1', Math.max(0, chunk.length - TAIL))).slice(-TAIL)
    if (!this.#tail.endsWith('\r\n')) return
    const { mark, asked } = waiting
    const at = this.#tail.startsWith(mark) ? 0 : this.#tail.lastIndexOf(`\r\n${mark}`)
    if (at < 0) return
    this.#waiting = undefined
    const line = this.#tail.slice(at).trimStart()
    if (mark.startsWith(this.#prefix) && !line.startsWith(`${mark}OK`))
      waiting.reject(new Error(`${asked.slice(0, 80)}: ${line.slice(0, 300)}`))
    else {
      const text = waiting.chunks === undefined ? '' : Buffer.concat(waiting.chunks).toString('latin1')
      waiting.resolve({ octets: this.#octets - waiting.from, text })
    }
  }
}
