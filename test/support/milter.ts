/** A milter whose every word a test chooses; it remembers what it was told. Sendmail's milter protocol, versions 2 to 6. */
import { createServer, type Server, type Socket } from 'node:net'

/** What it does at an event: packets by letter and text (NUL for NUL), or how it fails. */
export type MilterSays = readonly (readonly [letter: string, data?: string | Buffer])[] | 'die' | 'silent' | 'rubbish'

export interface MilterMood {
  /** The answer to the option negotiation: version, actions, events, and macro lists by stage. */
  readonly negotiate?: (
    offered: Negotiation,
  ) => Negotiation & { readonly macros?: readonly (readonly [number, string])[] }
  /**
   * @param event the packet's letter: C H M R T L N B E U
   * @param nth how many of this letter the connection has had before
   * @param client the client's name as the connection's C packet gave it
   */
  readonly answer?: (event: string, nth: number, client: string, detail: string) => MilterSays
  /** What it was shown of bodies is not kept. */
  readonly forgetsBodies?: boolean
  /** A socket's path in place of a port. */
  readonly path?: string
  readonly host?: string
}

export interface Negotiation {
  readonly version: number
  readonly actions: number
  readonly events: number
}

/** One connection of a mail server. */
export interface MilterSession {
  /** Of the client, `''` before it is known. */
  client: string
  /** Each packet as text: `D C j=mail.example`, `L Subject|hello`, `B 13 octets`. */
  readonly packets: string[]
  /** All octets of the bodies it was shown, message by message. */
  readonly bodies: Buffer[]
}

export interface TestMilter {
  readonly port: number
  readonly sessions: MilterSession[]
  stop(): void
}

export async function startMilter(mood: MilterMood = {}): Promise<TestMilter> {
  const sessions: MilterSession[] = []
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    const session: MilterSession = { client: '', packets: [], bodies: [] }
    sessions.push(session)
    new Talk(socket, session, mood)
  })
  const place = mood.path ?? { port: 0, host: mood.host ?? '127.0.0.1' }
  await new Promise<void>((ready) => server.listen(place, ready))
  const at = server.address()
  return {
    port: typeof at === 'object' && at !== null ? at.port : 0,
    sessions,
    stop() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

class Talk {
  readonly #socket: Socket
  readonly #session: MilterSession
  readonly #mood: MilterMood
  #rest = Buffer.alloc(0)
  #events = 0
  readonly #counts = new Map<string, number>()

  constructor(socket: Socket, session: MilterSession, mood: MilterMood) {
    this.#socket = socket
    this.#session = session
    this.#mood = mood
    socket.on('data', (chunk: Buffer) => {
      this.#rest = Buffer.concat([this.#rest, chunk])
      while (this.#rest.length >= 4 && this.#rest.length >= 4 + this.#rest.readUInt32BE()) {
        const end = 4 + this.#rest.readUInt32BE()
        const packet = this.#rest.subarray(4, end)
        this.#rest = this.#rest.subarray(end)
        this.#take(packet.toString('latin1', 0, 1), packet.subarray(1))
      }
    })
  }

  #take(letter: string, data: Buffer): void {
    if (letter === 'O') return this.#negotiate(data)
    const detail = this.#describe(letter, data)
    this.#session.packets.push(detail === '' ? letter : `${letter} ${detail}`)
    if (letter === 'D' || letter === 'A') return
    if (letter === 'Q') return void this.#socket.end()
    const nth = this.#counts.get(letter) ?? 0
    this.#counts.set(letter, nth + 1)
    if (this.#isUnanswered(letter)) return
    const says = this.#mood.answer?.(letter, nth, this.#session.client, detail) ?? [['c']]
    if (says === 'die') this.#socket.destroy()
    else if (says === 'rubbish') this.#socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')
    else if (says !== 'silent') for (const [code, text = ''] of says) this.#socket.write(packetOf(code, text))
  }

  /** SMFIP_NR_…: this event has no reply. */
  #isUnanswered(letter: string): boolean {
    const bit = { C: 12, H: 13, M: 14, R: 15, T: 16, U: 17, N: 18, B: 19, L: 7 }[letter]
    return bit !== undefined && (this.#events & (1 << bit)) !== 0
  }

  #negotiate(data: Buffer): void {
    const offered = { version: data.readUInt32BE(0), actions: data.readUInt32BE(4), events: data.readUInt32BE(8) }
    this.#session.packets.push(`O ${offered.version} ${offered.actions.toString(16)} ${offered.events.toString(16)}`)
    const { version, actions, events, macros = [] } = this.#mood.negotiate?.(offered) ?? { ...offered, events: 0 }
    this.#events = events
    const head = Buffer.alloc(12)
    head.writeUInt32BE(version, 0)
    head.writeUInt32BE(actions, 4)
    head.writeUInt32BE(events, 8)
    const lists = macros.map(([stage, names]) => {
      const list = Buffer.alloc(4)
      list.writeUInt32BE(stage)
      return Buffer.concat([list, Buffer.from(`${names}\0`)])
    })
    const says = this.#mood.answer?.('O', 0, '', '')
    if (says === undefined || Array.isArray(says)) this.#socket.write(packetOf('O', Buffer.concat([head, ...lists])))
    else if (says === 'die') this.#socket.destroy()
    else if (says === 'rubbish') this.#socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')
  }

  #describe(letter: string, data: Buffer): string {
    const text = data.toString('latin1')
    if (letter === 'B') {
      if (this.#mood.forgetsBodies !== true) this.#session.bodies.push(Buffer.from(data))
      return `${data.length} octets`
    }
    if (letter === 'C') {
      const [name = ''] = text.split('\0', 1)
      this.#session.client = name
      const rest = data.subarray(name.length + 1)
      return `${name} ${rest.toString('latin1', 0, 1)} ${rest.length >= 3 ? rest.readUInt16BE(1) : ''} ${rest.toString('latin1', 3).replace(/\0$/, '')}`
    }
    const words = text.split('\0').slice(0, -1)
    if (letter === 'D') {
      const pairs = text.slice(1).split('\0').slice(0, -1)
      const macros = pairs.flatMap((name, i) => (i % 2 === 0 ? [`${name}=${pairs[i + 1]}`] : []))
      return [text[0], ...macros].join(' ')
    }
    return words.join('|')
  }
}

/** A packet on the wire: length, letter, data. */
export function packetOf(letter: string, data: string | Buffer): Buffer {
  const octets = typeof data === 'string' ? Buffer.from(data, 'latin1') : data
  const head = Buffer.alloc(5)
  head.writeUInt32BE(octets.length + 1)
  head.write(letter, 4, 'latin1')
  return Buffer.concat([head, octets])
}

/** Data of a header request with an index: m and i. */
export function indexed(index: number, name: string, value: string): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt32BE(index)
  return Buffer.concat([head, Buffer.from(`${name}\0${value}\0`, 'latin1')])
}
