/** A before-queue filter of the tests' own (smtpd_proxy_filter): an SMTP server that says what a test wants at each point. */
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'

/** `connect` is the greeting, `.` the end of content, `content` its first octets. */
export type FilterPoint = 'connect' | 'EHLO' | 'XFORWARD' | 'MAIL' | 'RCPT' | 'DATA' | 'content' | '.' | 'QUIT'

/** A reply without its last line end; `die` or `silent`. undefined: the usual reply. */
export type FilterSays = string | undefined

export interface FilterMood {
  /** What EHLO offers, with XFORWARD's attributes where it is. */
  readonly offers?: readonly string[]
  /** @param sender `''` before MAIL */
  readonly answer?: (point: FilterPoint, sender: string, line: string) => FilterSays
}

/** All that came on one connection. */
export interface FilterSession {
  sender: string
  /** Command lines as they came. */
  readonly commands: string[]
  /** With its dots, without the last. */
  content: string | undefined
  /** How the other side ended it. */
  ended: boolean
}

export interface TestFilter {
  readonly port: number
  readonly sessions: readonly FilterSession[]
  stop(): void
}

export const XFORWARD_ALL = 'XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE'

const USUAL: Readonly<Record<string, string>> = {
  connect: '220 filter.test ESMTP',
  DATA: '354 go on',
  '.': '250 2.6.0 filtered',
  QUIT: '221 bye',
}

export async function startSmtpFilter(mood: FilterMood = {}): Promise<TestFilter> {
  const sessions: FilterSession[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => sockets.delete(socket))
    const session: FilterSession = { sender: '', commands: [], content: undefined, ended: false }
    sessions.push(session)
    serve(socket, session, mood)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const bound = server.address()
  if (bound === null || typeof bound === 'string') throw new Error('no port')
  return {
    port: bound.port,
    sessions,
    stop() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

function serve(socket: Socket, session: FilterSession, mood: FilterMood): void {
  let text = ''
  let inContent = false
  let isMute = false
  /** Whether there is more to say. */
  const say = (point: FilterPoint, line: string): boolean => {
    const said = mood.answer?.(point, session.sender, line)
    if (said === 'die') socket.destroy()
    if (said === 'silent') isMute = true
    if (said === 'die' || said === 'silent') return false
    const usual =
      point === 'EHLO'
        ? ['filter.test', ...(mood.offers ?? [XFORWARD_ALL])].join('\n').replaceAll(/^(?=.*\n)/gm, '250-')
        : (USUAL[point] ?? '250 2.0.0 Ok')
    const reply = said ?? (point === 'EHLO' ? usual.replace(/^(?!250-)/m, '250 ') : usual)
    if (point !== 'content') socket.write(Buffer.from(reply.replaceAll(/\r?\n/g, '\r\n') + '\r\n', 'latin1'))
    if (point === 'QUIT') socket.end()
    return true
  }
  const content = (): boolean => {
    const seen = `\r\n${text}`
    if (text !== '' && session.content === undefined) {
      session.content = ''
      if (!say('content', '')) return false
    }
    const end = seen.indexOf('\r\n.\r\n')
    if (end < 0) return false
    session.content = text.slice(0, end)
    text = seen.slice(end + 5)
    inContent = false
    return say('.', '.')
  }
  const command = (): boolean => {
    const end = text.indexOf('\r\n')
    if (end < 0) return false
    const line = text.slice(0, end)
    text = text.slice(end + 2)
    session.commands.push(line)
    const verb = /^\w+/.exec(line)?.[0].toUpperCase() ?? ''
    if (verb === 'MAIL') session.sender = /<(.*?)>/.exec(line)?.[1] ?? ''
    const mayGoOn = say(verb as FilterPoint, line) // others get the usual reply
    const said = verb === 'DATA' ? (mood.answer?.('DATA', session.sender, line) ?? '354') : ''
    inContent = said.startsWith('354')
    return mayGoOn
  }
  socket.setEncoding('latin1')
  socket.on('data', (chunk: string) => {
    text += chunk
    while (!isMute && (inContent ? content() : command()));
  })
  socket.on('end', () => (session.ended = true))
  say('connect', '')
}
