/** The host that mail for elsewhere goes to: now and then it puts a message off. */
import { createServer, type Server, type Socket } from 'node:net'
import type { Books } from './books.ts'

const USUAL: Readonly<Record<string, string>> = {
  EHLO: '250-next.test\r\n250 PIPELINING',
  DATA: '354 go',
  QUIT: '221 bye',
}
const MOMENT_MS = 2000
const MOST_RECENT = 20_000
/** One of so many is told to come again. */
const PUT_OFF = 10

export class NextHop {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #asked = 0
  /** What came within the last moment, with its time: its 250 may not have been heard. */
  #recent: { readonly n: number; readonly atMs: number }[] = []
  port = 0

  constructor(books: Books) {
    this.#server = createServer({ noDelay: true }, (socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket)).on('error', () => socket.destroy())
      this.#serve(socket, books)
    })
  }

  async listen(): Promise<void> {
    await new Promise<void>((ready) => this.#server.listen(0, '127.0.0.1', () => ready()))
    const at = this.#server.address()
    this.port = typeof at === 'object' && at !== null ? at.port : 0
  }

  /** The server was killed: what it was told in the last moment it may not know, and will send again. */
  killed(books: Books): void {
    for (const { n, atMs } of this.#recent) if (performance.now() - atMs < MOMENT_MS) books.unanswered(n)
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
  }

  #serve(socket: Socket, books: Books): void {
    let text = ''
    let inData = false
    let recipients = 0
    socket.write('220 next.test\r\n')
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk
      for (let at; (at = text.indexOf(inData ? '\r\n.\r\n' : '\r\n')) >= 0;) {
        const said = text.slice(0, at + 2)
        text = text.slice(at + (inData ? 5 : 2))
        if (inData) {
          inData = false
          recipients = 0
          socket.write(this.#take(said, books))
          continue
        }
        const verb = said.slice(0, 4).toUpperCase()
        if (verb === 'DATA' && recipients === 0) {
          socket.write('503 5.5.1 nobody\r\n')
          continue
        }
        const isPutOff = verb === 'RCPT' && ++this.#asked % PUT_OFF === 0
        if (verb === 'RCPT' && !isPutOff) recipients++
        inData = verb === 'DATA'
        socket.write(`${isPutOff ? '451 4.3.0 later' : (USUAL[verb] ?? '250 2.0.0 Ok')}\r\n`)
      }
    })
  }

  #take(content: string, books: Books): string {
    const [, n] = /^Subject: soak (\d+)\./m.exec(content) ?? []
    if (n !== undefined) {
      books.arrived(Number(n))
      this.#recent.push({ n: Number(n), atMs: performance.now() })
      if (this.#recent.length > MOST_RECENT) this.#recent = this.#recent.slice(-MOST_RECENT / 2)
    }
    return '250 2.0.0 taken\r\n'
  }
}
