/** An SMTP server that speaks STARTTLS with a certificate of the test's, and tells who came. */
import { createServer, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { createSecureContext, type SecureContextOptions, TLSSocket } from 'node:tls'

export interface TlsSinkMood {
  /** The certificate with those above it. */
  readonly cert: string
  readonly key: string
  /** Clients are asked for a certificate. */
  readonly asks?: boolean
  /** A reply to a command that nobody sent comes with that to EHLO under TLS. */
  readonly early?: boolean
  /** The connection breaks off at this command under TLS. */
  readonly breaksAt?: string
  /** A connection ends where a client wants to begin TLS. */
  readonly refusesHandshakes?: boolean
  /** Of the server's side. */
  readonly context?: Pick<SecureContextOptions, 'maxVersion' | 'ciphers'>
  /** What EHLO offers under TLS. */
  readonly offers?: readonly string[]
  /** STARTTLS is not offered. */
  readonly plain?: boolean
}

export interface TlsSink {
  readonly port: number
  /** Commands under TLS. */
  readonly heard: string[]
  /** Sessions that handed mail over: `plain`, or `tls` with the common name of the client's certificate. */
  readonly took: string[]
  /** The server names that clients asked for. */
  readonly asked: (string | undefined)[]
  /** Connections that stand. */
  readonly open: () => number
}

/** @param port 0: a free one */
export async function startTlsSink(
  t: Pick<TestContext, 'after'>,
  mood: TlsSinkMood,
  { address = '127.0.0.1', port = 0 }: { readonly address?: string; readonly port?: number } = {},
): Promise<TlsSink> {
  const [took, asked, heard, sockets]: [string[], (string | undefined)[], string[], Set<Socket>] = [
    [],
    [],
    [],
    new Set(),
  ]
  const secureContext = createSecureContext({ cert: mood.cert, key: mood.key, ...mood.context })
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    serve(socket, { mood, took, asked, heard, secureContext })
    socket.write('220 sink.test ESMTP\r\n')
  })
  await new Promise<void>((ready) => server.listen(port, address, ready))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const open = (): number => [...sockets].filter((socket) => !socket.destroyed).length
  const at = server.address()
  return { port: typeof at === 'object' && at !== null ? at.port : 0, took, asked, heard, open }
}

interface Serving {
  readonly mood: TlsSinkMood
  readonly took: string[]
  readonly asked: (string | undefined)[]
  readonly heard: string[]
  readonly secureContext: ReturnType<typeof createSecureContext>
}

function serve(socket: Socket | TLSSocket, serving: Serving): void {
  const { mood, took, heard } = serving
  const isTls = socket instanceof TLSSocket
  let [rest, inData] = ['', false]
  const onLine = (line: string): void => {
    const verb = line.slice(0, 4).toUpperCase()
    if (isTls && !inData) heard.push(line)
    const say = (text: string): void => void socket.write(`${text}\r\n`)
    if (isTls && verb === mood.breaksAt) socket.destroy()
    else if (inData) {
      if (line !== '.') return
      inData = false
      took.push(isTls ? `tls ${commonName(socket)}` : 'plain')
      say('250 2.0.0 Ok: queued as SINK')
    } else if (verb === 'EHLO' || verb === 'LHLO') {
      const offers = isTls ? (mood.offers ?? []) : mood.plain === true ? [] : ['STARTTLS']
      const keywords = [...offers.map((word) => `250-${word}\r\n`), '250 8BITMIME'].join('')
      say(`250-sink.test\r\n${keywords}${isTls && mood.early === true ? '\r\n250 2.1.0 Ok' : ''}`)
    } else if (verb === 'STAR') {
      socket.removeListener('data', onData)
      say('220 2.0.0 Ready to start TLS')
      if (mood.refusesHandshakes === true) socket.end()
      else turn(socket, serving)
    } else if (verb === 'DATA') {
      inData = true
      say('354 go')
    } else if (verb === 'QUIT') socket.end('221 2.0.0 Bye\r\n')
    else say('250 2.1.0 Ok')
  }
  const onData = (chunk: Buffer): void => {
    const lines = (rest + chunk.toString('latin1')).split('\r\n')
    rest = lines.pop() ?? ''
    for (const line of lines) onLine(line)
  }
  socket.on('data', onData)
}

function turn(socket: Socket, serving: Serving): void {
  const { mood, asked, secureContext } = serving
  const tls = new TLSSocket(socket, {
    isServer: true,
    secureContext,
    ...(mood.asks === true && { requestCert: true, rejectUnauthorized: false }),
    SNICallback: (name, done) => {
      asked.push(name)
      done(null)
    },
  })
  tls.on('error', () => {})
  serve(tls, serving)
}

function commonName(socket: TLSSocket): string {
  const subject = socket.getPeerX509Certificate()?.subject
  return /^CN=(.*)$/m.exec(subject ?? '')?.[1] ?? '-'
}
