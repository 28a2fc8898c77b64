/**
 * A host in every failing mood: at one point of the dialogue, for each domain another, it closes, says no, says kilobytes, says
 * nothing … in one session, and behaves in the next. It remembers what it took.
 */
import { createServer, type Server, type Socket } from 'node:net'

export const POINTS = ['CONNECT', 'EHLO', 'MAIL', 'RCPT', 'DATA', 'CONTENT', '.', 'QUIT'] as const
export const ACTS = [
  'close',
  'reset',
  '4xx',
  '5xx',
  '421',
  'long',
  'endless',
  'slow',
  'silent',
  'garbage',
  'half',
] as const
export type Point = (typeof POINTS)[number]
export type Act = (typeof ACTS)[number]

/** In the middle of content it can only leave or not read on. */
const CONTENT_ACTS: readonly Act[] = ['close', 'reset', 'silent']

export interface Mood {
  readonly point: Point
  readonly act: Act
}

export const MOODS: readonly Mood[] = POINTS.flatMap((point) =>
  ACTS.filter((act) => point !== 'CONTENT' || CONTENT_ACTS.includes(act)).map((act) => ({ point, act })),
)

/** Octets of a reply that is long, and between two octets of one that is slow. */
const LONG_OCTETS = 8 * 1024
const SLOW_MS = 5

const USUAL: Readonly<Record<string, string>> = {
  CONNECT: '220 moody.test ESMTP',
  EHLO: '250-moody.test\r\n250-PIPELINING\r\n250 8BITMIME',
  DATA: '354 go',
  QUIT: '221 bye',
}

export class MoodySink {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #moodOf: (address: string) => Mood
  readonly #sessions = new Map<string, number>()
  /** Recipients that some session took: 250 to the message was written. */
  readonly taken = new Set<string>()
  port = 0

  /** @param moodOf by the address that is connected to */
  constructor(moodOf: (address: string) => Mood) {
    this.#moodOf = moodOf
    this.#server = createServer({ noDelay: true }, (socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
      socket.on('error', () => socket.destroy())
      const address = socket.localAddress ?? ''
      const nth = (this.#sessions.get(address) ?? 0) + 1
      this.#sessions.set(address, nth)
      const mood = nth % 2 === 1 ? this.#moodOf(address) : undefined
      new Dialogue(socket, mood, this.taken).begin()
    })
  }

  async listen(): Promise<void> {
    await new Promise<void>((ready) => this.#server.listen(0, '0.0.0.0', () => ready()))
    const at = this.#server.address()
    this.port = typeof at === 'object' && at !== null ? at.port : 0
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
  }
}

class Dialogue {
  readonly #socket: Socket
  readonly #mood: Mood | undefined
  readonly #taken: Set<string>
  #recipients: string[] = []
  #text = ''
  #inData = false

  constructor(socket: Socket, mood: Mood | undefined, taken: Set<string>) {
    this.#socket = socket
    this.#mood = mood
    this.#taken = taken
  }

  begin(): void {
    this.#say('CONNECT')
    this.#socket.on('data', (chunk: Buffer) => {
      this.#text += chunk.toString('latin1')
      if (this.#inData && this.#mood?.point === 'CONTENT') return this.#act(this.#mood.act, 'CONTENT')
      while (!this.#socket.destroyed && this.#next());
    })
    this.#socket.on('end', () => this.#socket.end())
  }

  /** Whether there was a whole line, or a whole message. */
  #next(): boolean {
    const mark = this.#inData ? '\r\n.\r\n' : '\r\n'
    const end = this.#text.indexOf(mark)
    if (end < 0) return false
    const line = this.#text.slice(0, end)
    this.#text = this.#text.slice(end + mark.length)
    if (this.#inData) {
      this.#inData = false
      this.#say('.')
      return true
    }
    const verb = line.slice(0, 4).toUpperCase()
    if (verb === 'MAIL' || verb === 'RSET') this.#recipients = []
    const said = this.#say(verb, /<([^>]*)>/.exec(line)?.[1])
    if (verb === 'DATA' && said) this.#inData = true
    if (verb === 'QUIT') this.#socket.end()
    return true
  }

  /** Answers whether it said yes. */
  #say(point: string, recipient?: string): boolean {
    const isHere = this.#mood?.point === point
    const isYes = !isHere || this.#act(this.#mood.act, point)
    if (!isHere) this.#socket.write(`${USUAL[point] ?? '250 2.0.0 Ok'}\r\n`)
    if (isYes && point === 'RCPT' && recipient !== undefined) this.#recipients.push(recipient)
    if (isYes && point === '.') for (const one of this.#recipients) this.#taken.add(one)
    return isYes
  }

  #act(act: Act, point: string): boolean {
    const socket = this.#socket
    const yes = USUAL[point] ?? '250 2.0.0 Ok'
    switch (act) {
      case 'close':
        socket.destroy()
        return false
      case 'reset':
        socket.resetAndDestroy()
        return false
      case '4xx':
        socket.write('451 4.3.0 not now\r\n')
        return false
      case '5xx':
        socket.write('550 5.7.1 not at all\r\n')
        return false
      case '421':
        socket.end('421 4.3.2 going down\r\n')
        return false
      case 'long':
        socket.write(`${yes.slice(0, 3)}-${'x'.repeat(70)}\r\n`.repeat(LONG_OCTETS / 76) + yes + '\r\n')
        return true
      case 'endless':
        this.#forever(`${yes.slice(0, 3)}-${'x'.repeat(500)}\r\n`)
        return false
      case 'slow':
        this.#slowly(`${yes}\r\n`)
        return true
      case 'silent':
        return false
      case 'garbage':
        socket.write('\x16\x03\x01 \xff\x00 what?\r\n', 'latin1')
        return false
      case 'half':
        socket.end(yes.slice(0, 2))
        return false
      default:
        return act satisfies never
    }
  }

  #forever(line: string): void {
    const more = (): void => {
      if (!this.#socket.destroyed) this.#socket.write(line.repeat(20), () => setTimeout(more, 20))
    }
    more()
  }

  #slowly(text: string): void {
    const [first = '', ...rest] = text
    if (this.#socket.destroyed) return
    this.#socket.write(first)
    if (rest.length > 0) setTimeout(() => this.#slowly(rest.join('')), SLOW_MS)
  }
}
