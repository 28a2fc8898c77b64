/** A server for SMTP and LMTP clients whose every reply a test chooses. */
import { createServer, type Server, type Socket } from 'node:net'
import type { TestContext } from 'node:test'

export interface Sink {
  readonly port: number
  /** Each session's commands; content is one line `(n octets)`. */
  readonly heard: string[][]
  /** Each message as it came, an octet a character, dots stuffed. */
  readonly contents: string[]
  /** Each session: whether the client has closed its side. */
  readonly ended: boolean[]
}

/** Octets as they are, after which the connection may be closed. */
export interface RawAnswer {
  readonly raw: string
  readonly ends?: boolean
  /** At once, whatever the client still says. */
  readonly breaks?: boolean
}

export interface SinkMood {
  /** EHLO's keywords. */
  readonly offers?: readonly string[]
  /**
   * The reply to a command, `.` and `CONNECT` too; undefined: the usual one; `''`: none, and the connection is closed; `…`:
   * none. Several replies (LMTP) with line ends between.
   */
  readonly answer?: (command: string, nth: number) => string | RawAnswer | undefined
  /** The greeting waits for it. */
  readonly greetsAfter?: Promise<void>
  /** Closes its side when it has answered this. */
  readonly hangsUpAfter?: string
  /** A socket's path in place of a port. */
  readonly path?: string
  /** In place of a free port of 127.0.0.1. */
  readonly listens?: { readonly host: string; readonly port: number }
}

const USUAL: Readonly<Record<string, string>> = {
  CONNECT: '220 sink.test ESMTP',
  DATA: '354 go',
  QUIT: '221 bye',
}

export async function startSink(t: TestContext, mood: SinkMood = {}): Promise<Sink> {
  const heard: string[][] = []
  const ended: boolean[] = []
  const contents: string[] = []
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    const session: string[] = []
    const nth = heard.push(session) - 1
    ended[nth] = false
    for (const event of ['end', 'close']) socket.on(event, () => (ended[nth] = true))
    serve(socket, session, contents, mood)
  })
  await new Promise<void>((ready) => server.listen(mood.path ?? mood.listens ?? { port: 0, host: '127.0.0.1' }, ready))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const at = server.address()
  return { port: typeof at === 'object' && at !== null ? at.port : 0, heard, ended, contents }
}

function serve(
  socket: Socket,
  session: string[],
  contents: string[],
  { offers = [], answer, greetsAfter, hangsUpAfter }: SinkMood,
): void {
  let rest = ''
  let inData = false
  /** Of BDAT. */
  let chunk: { readonly octets: number; readonly line: string } | undefined
  let chunks = ''
  const say = (command: string, usual: string): string => {
    const reply = answer?.(command, session.filter((line) => line.startsWith(command.slice(0, 4))).length) ?? usual
    if (typeof reply !== 'string') {
      socket.write(reply.raw, 'latin1')
      if (reply.ends === true) socket.end()
      if (reply.breaks === true) setImmediate(() => socket.resetAndDestroy())
      return reply.raw
    }
    if (reply === '') socket.destroy()
    else if (reply !== '…') socket.write(reply.replaceAll('\n', '\r\n') + '\r\n')
    if (command === hangsUpAfter) socket.end()
    return reply
  }
  const greet = (): string => say('CONNECT', '220 sink.test ESMTP')
  if (greetsAfter === undefined) greet()
  else void greetsAfter.then(greet)
  socket.on('data', (data) => {
    rest += data.toString('latin1')
    for (;;) {
      if (chunk !== undefined) {
        if (rest.length < chunk.octets) return
        chunks += rest.slice(0, chunk.octets)
        rest = rest.slice(chunk.octets)
        if (chunk.line.endsWith('LAST')) {
          contents.push(chunks)
          chunks = ''
        }
        say(chunk.line, '250 2.0.0 Ok: queued as SINK')
        chunk = undefined
        continue
      }
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
      if (verb === 'BDAT') {
        chunk = { octets: Number(line.split(' ')[1]), line }
        continue
      }
      const greets = verb === 'EHLO' || verb === 'LHLO'
      const hello = ['250-sink.test', ...offers.map((word) => `250-${word}`), '250 OK'].join('\n')
      const reply = say(line, greets ? hello : (USUAL[verb] ?? '250 2.1.0 Ok'))
      if (verb === 'DATA' && reply.startsWith('354')) inData = true
      if (verb === 'QUIT' && reply !== '…') socket.end()
    }
  })
}
