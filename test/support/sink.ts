/** A server for SMTP and LMTP clients whose every reply a test chooses. */
import { createServer, type Server, type Socket } from 'node:net'
import type { TestContext } from 'node:test'

export interface Sink {
  readonly port: number
  /** Each session's commands; content is one line `(n octets)`. */
  readonly heard: string[][]
  /** Each message as it came, an octet a character, dots stuffed. */
  readonly contents: string[]
}

export interface SinkMood {
  /** EHLO's keywords. */
  readonly offers?: readonly string[]
  /**
   * The reply to a command, `.` and `CONNECT` too; undefined: the usual one; `''`: none, and the connection is closed. Several
   * replies (LMTP) with line ends between.
   */
  readonly answer?: (command: string, nth: number) => string | undefined
  /** A socket's path in place of a port. */
  readonly path?: string
}

const USUAL: Readonly<Record<string, string>> = {
  CONNECT: '220 sink.test ESMTP',
  DATA: '354 go',
  QUIT: '221 bye',
}

export async function startSink(t: TestContext, mood: SinkMood = {}): Promise<Sink> {
  const heard: string[][] = []
  const contents: string[] = []
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    const session: string[] = []
    heard.push(session)
    serve(socket, session, contents, mood)
  })
  await new Promise<void>((ready) => server.listen(mood.path ?? { port: 0, host: '127.0.0.1' }, ready))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const at = server.address()
  return { port: typeof at === 'object' && at !== null ? at.port : 0, heard, contents }
}

function serve(socket: Socket, session: string[], contents: string[], { offers = [], answer }: SinkMood): void {
  let rest = ''
  let inData = false
  const say = (command: string, usual: string): string => {
    const reply = answer?.(command, session.filter((line) => line.startsWith(command.slice(0, 4))).length) ?? usual
    if (reply === '') socket.destroy()
    else socket.write(reply.replaceAll('\n', '\r\n') + '\r\n')
    return reply
  }
  say('CONNECT', '220 sink.test ESMTP')
  socket.on('data', (chunk) => {
    rest += chunk.toString('latin1')
    for (;;) {
      const end = inData ? rest.indexOf('\r\n.\r\n') : rest.indexOf('\r\n')
      const empty = inData && rest.startsWith('.\r\n')
      if (end < 0 && !empty) return
      const line = empty ? '' : rest.slice(0, end)
      rest = rest.slice(empty ? 3 : end + (inData ? 5 : 2))
      if (inData) {
        session.push(`(${line.length} octets)`)
        contents.push(line)
        inData = false
        say('.', '250 2.0.0 Ok: queued as SINK')
        continue
      }
      session.push(line)
      const verb = line.slice(0, 4).trim().toUpperCase()
      const greets = verb === 'EHLO' || verb === 'LHLO'
      const hello = ['250-sink.test', ...offers.map((word) => `250-${word}`), '250 OK'].join('\n')
      const reply = say(line, greets ? hello : (USUAL[verb] ?? '250 2.1.0 Ok'))
      if (verb === 'DATA' && reply.startsWith('354')) inData = true
      if (verb === 'QUIT') socket.end()
    }
  })
}
