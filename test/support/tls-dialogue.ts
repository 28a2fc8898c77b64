/** A client of SMTP, IMAP or POP3 that goes to TLS by command, line by line, with a certificate of its own if it has one. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as tlsConnect, type TLSSocket } from 'node:tls'
import type { TestContext } from 'node:test'
import type { Certified } from './authority.ts'

export type Protocol = 'smtp' | 'imap' | 'pop3'

const LIMIT_MS = 20_000
const START: Readonly<Record<Protocol, readonly string[]>> = {
  smtp: ['EHLO client.test', 'STARTTLS'],
  imap: ['s STARTTLS'],
  pop3: ['STLS'],
}

export interface TlsOptions {
  readonly certificate?: Certified
  readonly maxVersion?: 'TLSv1.2' | 'TLSv1.3'
}

export class TlsDialogue {
  readonly protocol: Protocol
  #socket: Socket | TLSSocket
  #said = ''
  #wake = (): void => {}
  #tag = 0
  #ended = false

  private constructor(protocol: Protocol, port: number) {
    this.protocol = protocol
    this.#socket = connect(port, '127.0.0.1')
    this.#listen()
  }

  /** A connection in clear, its greeting read. */
  static async open(t: Pick<TestContext, 'after'>, protocol: Protocol, port: number): Promise<TlsDialogue> {
    const dialogue = new TlsDialogue(protocol, port)
    t.after(() => dialogue.#socket.destroy())
    await dialogue.line(/^(?:220 |\* OK|\+OK)/)
    return dialogue
  }

  static async secured(
    t: Pick<TestContext, 'after'>,
    protocol: Protocol,
    port: number,
    options: TlsOptions = {},
  ): Promise<TlsDialogue> {
    const dialogue = await TlsDialogue.open(t, protocol, port)
    for (const command of START[protocol]) {
      dialogue.send(command)
      await dialogue.line(/^(?:\d{3} |s OK|\+OK)/)
    }
    dialogue.#socket.removeAllListeners('data')
    dialogue.#socket.removeAllListeners('close')
    const { certificate, maxVersion } = options
    dialogue.#socket = tlsConnect({
      socket: dialogue.#socket,
      rejectUnauthorized: false,
      ...certificate,
      ...(maxVersion !== undefined && { maxVersion }),
    })
    await once(dialogue.#socket, 'secureConnect')
    dialogue.#listen()
    return dialogue
  }

  /** RFC 9266. */
  get exporter(): Buffer | undefined {
    const socket = this.#socket
    return 'exportKeyingMaterial' in socket
      ? socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0))
      : undefined
  }

  send(line: string): void {
    this.#socket.write(`${line}\r\n`)
  }

  /** What mechanisms are offered here and now. */
  async mechanisms(): Promise<string> {
    const { protocol } = this
    this.send(protocol === 'smtp' ? 'EHLO client.test' : protocol === 'imap' ? 'c CAPABILITY' : 'CAPA')
    const text = await this.#until(
      protocol === 'smtp' ? /^250 .*\r\n/m : protocol === 'imap' ? /^c OK.*\r\n/m : /^\.\r\n/m,
    )
    if (protocol === 'imap') return [...text.matchAll(/ AUTH=(\S+)/g)].map(([, name]) => name).join(' ')
    return /^(?:250[- ]AUTH|SASL) (.*)\r/m.exec(text)?.[1] ?? ''
  }

  /**
   * Logs in with responses, the first with the command (undefined: not so); each is octets, or words sent as they are in an
   * array. The last reply, and what was asked in between.
   */
  async authenticate(
    mechanism: string,
    first: Buffer | string | undefined,
    ...rest: readonly ((challenge: Buffer) => Buffer | string | Promise<Buffer | string>)[]
  ): Promise<{ reply: string; challenges: readonly string[] }> {
    const tag = this.protocol === 'imap' ? `a${this.#tag++} ` : ''
    const word = this.protocol === 'imap' ? 'AUTHENTICATE' : 'AUTH'
    this.send(`${tag}${word} ${mechanism}${first === undefined ? '' : ` ${encoded(first) || '='}`}`)
    const challenges: string[] = []
    for (const respond of [...rest, undefined]) {
      const reply = await this.line(/^(?:334 |\+ |\+OK|-ERR|a\d+ |[245]\d\d )/)
      const challenge = /^(?:334|\+) ?(?!OK)(.*)/.exec(reply)?.[1]
      if (challenge === undefined || respond === undefined) return { reply: reply.replace(/^a\d+ /, ''), challenges }
      challenges.push(Buffer.from(challenge, 'base64').toString())
      this.send(encoded(await respond(Buffer.from(challenge, 'base64'))))
    }
    return { reply: '', challenges }
  }

  /** The first line that matches; those before it are passed over. */
  async line(pattern: RegExp): Promise<string> {
    for (;;) {
      const line = (await this.#until(/^.*\r\n/)).slice(0, -2)
      if (pattern.test(line)) return line
    }
  }

  #listen(): void {
    this.#socket.setEncoding('latin1').on('data', (chunk: string) => {
      this.#said += chunk
      this.#wake()
    })
    this.#socket.on('error', () => {})
    this.#socket.on('close', () => {
      this.#ended = true
      this.#wake()
    })
  }

  async #until(pattern: RegExp): Promise<string> {
    for (const end = Date.now() + LIMIT_MS; Date.now() < end;) {
      const found = pattern.exec(this.#said)
      if (found !== null) {
        const whole = this.#said.slice(0, found.index + found[0].length)
        this.#said = this.#said.slice(whole.length)
        return whole
      }
      if (this.#ended) break
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 200)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    throw new Error(`no ${pattern} in ${JSON.stringify(this.#said)}`)
  }
}

const encoded = (words: Buffer | string): string => (typeof words === 'string' ? words : words.toString('base64'))
