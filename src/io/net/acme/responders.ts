/** Where the authority finds the answer to its challenge: a web server, a TLS server, or a directory of somebody's web server. */
import { createHash } from 'node:crypto'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import type { Server, Socket } from 'node:net'
import { join } from 'node:path'
import { createSecureContext, createServer as createTlsServer, type SecureContext } from 'node:tls'
import { acmeIdentifier } from '../certificate-request.ts'
import { holderOf } from '../listen.ts'
import { selfSigned } from '../self-signed.ts'
import { AcmeError } from './client.ts'
import type { Responder } from './order.ts'

/** undefined: every address of the machine. */
export interface ResponderPlace {
  readonly host: string | undefined
  readonly port: number
}

const PATH = '/.well-known/acme-challenge/'
/** Whoever asks has no more to say than this. */
const MAX_HEADER = 8192
const PATIENCE_MS = 10_000
const MAX_CONNECTIONS = 64
/** How often is looked whose patience is over. */
const LOOK_MS = 1000

/** http-01: a web server that has nothing else, open only while there is something to show. RFC 8555 §8.3. */
export function httpResponder(place: ResponderPlace): Responder {
  const shown = new Map<string, string>()
  const options = { maxHeaderSize: MAX_HEADER, connectionsCheckingInterval: LOOK_MS }
  const server = createHttpServer(options, (request, response) => {
    const { url = '', method } = request
    const found = url.startsWith(PATH) ? shown.get(url.slice(PATH.length)) : undefined
    const isKnown = found !== undefined && (method === 'GET' || method === 'HEAD')
    response.writeHead(isKnown ? 200 : 404, { 'content-type': 'application/octet-stream', connection: 'close' })
    response.end(isKnown ? found : undefined)
  })
  server.headersTimeout = server.requestTimeout = PATIENCE_MS
  boundedIn(server)
  return {
    kind: 'http-01',
    async show({ token, authorization }) {
      shown.set(token, authorization)
      if (!server.listening) await open(server, place)
    },
    close: () => closed(server, () => server.closeAllConnections()),
  }
}

const ALPN = 'acme-tls/1'

/** tls-alpn-01: a handshake is all there is. RFC 8737 §3. */
export function tlsResponder(place: ResponderPlace, now: () => number): Responder {
  const shown = new Map<string, SecureContext>()
  const server = createTlsServer({
    ALPNProtocols: [ALPN],
    minVersion: 'TLSv1.2',
    handshakeTimeout: PATIENCE_MS,
    SNICallback: (name, done) => {
      const context = shown.get(name.toLowerCase())
      if (context === undefined) done(new Error('not here'))
      else done(null, context)
    },
  })
  const sockets = boundedIn(server)
  server.on('secureConnection', (socket) => {
    socket.on('error', () => {})
    socket.end()
  })
  server.on('tlsClientError', (_error, socket) => void socket.destroy())
  return {
    kind: 'tls-alpn-01',
    async show({ name, authorization }) {
      const digest = createHash('sha256').update(authorization).digest()
      const { cert, key } = selfSigned([name], now(), 1, [acmeIdentifier(digest)])
      shown.set(name, createSecureContext({ cert, key }))
      if (!server.listening) await open(server, place)
    },
    close: () => closed(server, () => sockets.forEach((socket) => socket.destroy())),
  }
}

/** http-01 by a web server that is there: it serves DIRECTORY/.well-known/acme-challenge. */
export function directoryResponder(directory: string): Responder {
  const below = join(directory, PATH)
  const files: string[] = []
  return {
    kind: 'http-01',
    show({ token, authorization }) {
      mkdirSync(below, { recursive: true, mode: 0o755 })
      const file = join(below, token)
      writeFileSync(file, authorization, { mode: 0o644 })
      files.push(file)
      return Promise.resolve()
    },
    close() {
      for (const file of files) rmSync(file, { force: true })
      return Promise.resolve()
    },
  }
}

/** The oldest connection makes room: those who hold on to theirs do not keep the authority out. Answers what is connected. */
function boundedIn(server: Server): ReadonlySet<Socket> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    const [oldest] = sockets
    if (sockets.size > MAX_CONNECTIONS) oldest?.destroy()
  })
  return sockets
}

function open(server: Server, { host, port }: ResponderPlace): Promise<void> {
  return new Promise((resolve, reject) => {
    server.on('error', (error: NodeJS.ErrnoException) => {
      const holder = error.code === 'EADDRINUSE' ? holderOf(port) : undefined
      const why = holder === undefined ? error.message : `held by ${holder.program} (process ${holder.pid})`
      reject(new AcmeError(`port ${port}, where the authority would look: ${why}`, { cause: error }))
    })
    server.listen({ port, ...(host !== undefined && { host }) }, () => resolve())
  })
}

function closed(server: Server, hurry: () => void): Promise<void> {
  if (!server.listening) return Promise.resolve()
  return new Promise((resolve) => {
    server.close(() => resolve())
    hurry()
  })
}
