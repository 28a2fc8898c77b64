/** The next hop of all mail: takes every message, and remembers envelope and header section. */
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'

/** One message as it arrived. */
export interface Arrived {
  readonly sender: string
  /** What MAIL said behind the sender. */
  readonly parameters: string
  readonly recipients: readonly string[]
  /** What RCPT said behind each of them. */
  readonly recipientParameters: readonly string[]
  readonly message: string
}

export interface Sink {
  readonly port: number
  readonly arrived: readonly Arrived[]
  stop(): void
}

export interface SinkMood {
  /** Recipients that get 550. */
  readonly refuses?: RegExp | undefined
  /** Mail is taken after AUTH PLAIN alone, with this response. */
  readonly auth?: string | undefined
}

/** @param port 0: any that is free */
export async function startSink(address: string, port = 0, mood: SinkMood = {}): Promise<Sink> {
  const arrived: Arrived[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => sockets.delete(socket))
    serve(socket, (message) => arrived.push(message), mood)
  })
  server.listen(port, address)
  await once(server, 'listening')
  const bound = server.address()
  if (bound === null || typeof bound === 'string') throw new Error('no port')
  return {
    port: bound.port,
    arrived,
    stop() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

function serve(socket: Socket, take: (message: Arrived) => void, mood: SinkMood): void {
  let text = ''
  let content = false
  let isLmtp = false
  let known = mood.auth === undefined
  let sender = ''
  let parameters = ''
  let recipients: string[] = []
  let recipientParameters: string[] = []
  const say = (line: string): void => void socket.write(line + '\r\n')
  const command = (line: string): void => {
    const verb = line.slice(0, 4).toUpperCase()
    if (verb === 'EHLO' || verb === 'LHLO') isLmtp = verb === 'LHLO'
    if (verb === 'EHLO' || verb === 'LHLO')
      return say(
        `250-sink.test\r\n${mood.auth === undefined ? '' : '250-AUTH PLAIN\r\n'}250-SMTPUTF8\r\n250-DSN\r\n250 8BITMIME`,
      )
    if (verb === 'AUTH') {
      known = line === `AUTH PLAIN ${mood.auth}`
      return say(known ? '235 2.7.0 Welcome' : '535 5.7.8 Who are you?')
    }
    if (verb === 'MAIL' && !known) return say('530 5.7.0 Authentication required')
    if (verb === 'MAIL') {
      ;[sender, parameters] = [path(line), behind(line)]
      ;[recipients, recipientParameters] = [[], []]
    }
    if (verb === 'RCPT') {
      if (mood.refuses?.test(path(line)) === true) return say('550 5.1.1 No such user here')
      recipients.push(path(line))
      recipientParameters.push(behind(line))
    }
    if (verb === 'QUIT') return void socket.end('221 Bye\r\n')
    content = verb === 'DATA'
    say(content ? '354 Go' : '250 Ok')
  }
  socket.setEncoding('latin1')
  say('220 sink.test')
  socket.on('data', (chunk: string) => {
    text += chunk
    for (;;) {
      const end = text.indexOf(content ? '\r\n.\r\n' : '\r\n')
      if (end < 0) return
      const part = text.slice(0, end)
      text = text.slice(end + (content ? 5 : 2))
      if (content) {
        take({ sender, parameters, recipients, recipientParameters, message: part })
        content = false
        // LMTP has an answer for each (RFC 2033 §4.2).
        for (let n = isLmtp ? recipients.length : 1; n > 0; n--) say('250 Ok')
      } else command(part)
    }
  })
}

/** What stands in the brackets; a quoted local part may hold some. */
function path(line: string): string {
  const from = line.indexOf('<')
  return line.slice(from + 1, line.lastIndexOf('>'))
}

const behind = (line: string): string => line.slice(line.lastIndexOf('>') + 1)
