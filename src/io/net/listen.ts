/**
 * Listeners on ports and unix sockets, connections made to others, and who holds a port that is taken.
 */
import { chmodSync, lstatSync, readdirSync, readFileSync, readlinkSync, unlinkSync } from 'node:fs'
import { connect as netConnect, createServer, isIPv6, type Socket } from 'node:net'
import { plainAddress, SocketConnection } from './connection.ts'
import type { Connection, Listener } from './contract.ts'
import type { ServerTls } from './identity.ts'
import { type ProxyHeader, ProxyHeaderError, readProxyHeader } from './proxy-header.ts'

export interface ListenOptions {
  readonly address: string
  readonly port: number
  /** A unix socket instead, and who may connect to it. */
  readonly unix?: { readonly path: string; readonly mode: number } | undefined
  /** Several threads listen on the same port and the kernel shares the connections out. */
  readonly shared?: boolean
  /** A function is asked for each connection: a reload may have changed it. */
  readonly tls?: ServerTls | (() => ServerTls | undefined) | undefined
  /** TLS before the first octet (smtps, imaps, pop3s). */
  readonly implicitTls?: boolean | (() => boolean)
  /** A load balancer says first for whom it speaks (PROXY protocol): how long it may take; 0: there is none. */
  readonly proxyHeaderMs?: () => number
  /** It did not; `address` is the balancer's. */
  readonly onProxyFailure?: (address: string, error: Error) => void
  readonly onConnection: (connection: Connection) => void
  /** A handshake of implicit TLS that failed, for the log. */
  readonly onTlsFailure?: (connection: Connection, error: Error) => void
}

/** A port could not be had; the message says who holds it. */
export class ListenError extends Error {
  readonly code: string
  constructor(message: string, code: string) {
    super(message)
    this.code = code
  }
}

/** Connections waiting to be accepted; the kernel cuts it to its own bound. */
const BACKLOG = 1024
/** How long whoever listens on a unix socket may take to say so. */
const STALE_MS = 5000

export async function listen(options: ListenOptions): Promise<Listener> {
  if (options.unix !== undefined) await removeStale(options.unix.path)
  const accept = (socket: Socket): void => {
    const limitMs = options.proxyHeaderMs?.() ?? 0
    if (limitMs === 0) return serve(socket)
    const address = plainAddress(socket.remoteAddress)
    takeProxyHeader(socket, limitMs).then(
      (ends) => serve(socket, ends),
      (error: Error) => {
        options.onProxyFailure?.(address, error)
        socket.destroy()
      },
    )
  }
  const serve = (socket: Socket, ends?: ProxyHeader['ends']): void => {
    const { tls, implicitTls } = options
    const connection = new SocketConnection(socket, typeof tls === 'function' ? tls() : tls, ends)
    const isWrapped = typeof implicitTls === 'function' ? implicitTls() : (implicitTls ?? false)
    if (!isWrapped) {
      // Before the service has it: where that wants to wait, it pauses.
      if (socket.isPaused()) socket.resume()
      options.onConnection(connection)
      return
    }
    connection.startTls(true).then(
      () => options.onConnection(connection),
      (error: Error) => options.onTlsFailure?.(connection, error),
    )
  }
  // allowHalfOpen: a client may close its side after QUIT or DATA and still wants the answers.
  const server = createServer({ allowHalfOpen: true, noDelay: true }, accept)
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(new ListenError(whyNot(options, error.code ?? ''), error.code ?? '')),
    )
    const { unix } = options
    const inet = {
      host: options.address,
      port: options.port,
      reusePort: options.shared ?? false,
      ipv6Only: isIPv6(options.address),
    }
    server.listen({ ...(unix === undefined ? inet : { path: unix.path }), backlog: BACKLOG }, () => {
      if (unix !== undefined) chmodSync(unix.path, unix.mode)
      const at = server.address()
      const port = typeof at === 'object' && at !== null ? at.port : options.port
      const stop = (): Promise<void> => new Promise((stopped) => server.close(() => stopped()))
      resolve({ address: options.address, port, stop })
    })
  })
}

/** Reads the header off a socket; what came behind it is put back. */
function takeProxyHeader(socket: Socket, limitMs: number): Promise<ProxyHeader['ends']> {
  return new Promise((resolve, reject) => {
    let octets = Buffer.alloc(0)
    const onData = (chunk: Buffer): void => {
      octets = Buffer.concat([octets, chunk])
      try {
        const header = readProxyHeader(octets)
        if (header !== undefined) done(header)
      } catch (error) {
        done(error instanceof Error ? error : new Error(String(error)))
      }
    }
    const onClose = (): void => done(new ProxyHeaderError('connection lost before the PROXY header'))
    const done = (outcome: Error | ProxyHeader): void => {
      clearTimeout(timer)
      socket.off('data', onData).off('end', onClose).off('close', onClose).off('error', done)
      socket.pause()
      if (outcome instanceof Error) return reject(outcome)
      if (octets.length > outcome.octets) socket.unshift(octets.subarray(outcome.octets))
      resolve(outcome.ends)
    }
    const timer = setTimeout(() => done(new ProxyHeaderError('no PROXY header in time')), limitMs)
    socket.on('data', onData).on('end', onClose).on('close', onClose).on('error', done)
  })
}

/** A socket that nobody listens on any more, left by a server that was killed. */
async function removeStale(path: string): Promise<void> {
  const code = await connect({ to: { path }, timeoutMs: STALE_MS }).then(
    (connection) => {
      connection.destroy()
      return undefined
    },
    (error: NodeJS.ErrnoException) => error.code,
  )
  if (code === 'ECONNREFUSED' && lstatSync(path).isSocket()) unlinkSync(path)
}

function whyNot({ address, port, unix }: ListenOptions, code: string): string {
  if (unix !== undefined) return `${unix.path}: ${UNIX_WORDS[code] ?? code}`
  const where = `${isIPv6(address) ? `[${address}]` : address}:${port}`
  if (code === 'EADDRINUSE') {
    const holder = holderOf(port)
    return `${where} is held by ${holder === undefined ? 'another program' : `${holder.program} (process ${holder.pid})`}`
  }
  if (code === 'EACCES') return `${where} may not be opened: ports below 1024 need root or CAP_NET_BIND_SERVICE`
  if (code === 'EADDRNOTAVAIL') return `${where}: no interface of this machine has that address`
  return `${where}: ${code}`
}

const UNIX_WORDS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there, or a file of that name is there',
  EACCES: 'the socket may not be made there',
  ENOENT: 'its directory is not there',
}

/** The program that listens on a TCP port, from /proc; undefined where that cannot be seen. */
export function holderOf(port: number): { readonly pid: number; readonly program: string } | undefined {
  const inodes = new Set(['/proc/net/tcp', '/proc/net/tcp6'].flatMap((table) => listeningInodes(table, port)))
  if (inodes.size === 0) return undefined
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const holds = readdirSync(`/proc/${pid}/fd`).some((fd) =>
        inodes.has(/^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? ''),
      )
      if (holds) return { pid: Number(pid), program: readFileSync(`/proc/${pid}/comm`, 'utf8').trim() }
    } catch {
      // gone meanwhile, or another user's: not ours to see
    }
  }
  return undefined
}

function listeningInodes(table: string, port: number): string[] {
  let text: string
  try {
    text = readFileSync(table, 'latin1')
  } catch {
    return [] // no /proc on this system
  }
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  return text
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((columns) => columns[3] === '0A' && columns[1]?.endsWith(suffix) === true)
    .map((columns) => columns[9] ?? '')
}

export interface ConnectOptions {
  /** An address, not a name: DNS is the caller's. Or a unix socket's path. */
  readonly to: { readonly address: string; readonly port: number } | { readonly path: string }
  readonly localAddress?: string
  readonly timeoutMs: number
  /** Ends the attempt; a connection that is made is the caller's. */
  readonly signal?: AbortSignal
}

/** Connects; rejects with the system's error (`ECONNREFUSED`, `ETIMEDOUT` …), `ECANCELED` for the signal. */
export function connect(options: ConnectOptions): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const target =
      'path' in options.to ? { path: options.to.path } : { host: options.to.address, port: options.to.port }
    const socket = netConnect({
      ...target,
      allowHalfOpen: true,
      ...(options.localAddress !== undefined && { localAddress: options.localAddress }),
    })
    const giveUp = (text: string, code: string): void => void socket.destroy(Object.assign(new Error(text), { code }))
    const stop = (): void => giveUp('Connection attempt stopped', 'ECANCELED')
    const limit = setTimeout(() => giveUp('Connection timed out', 'ETIMEDOUT'), options.timeoutMs)
    const { signal } = options
    if (signal?.aborted === true) stop()
    signal?.addEventListener('abort', stop, { once: true })
    const settled = (): void => {
      clearTimeout(limit)
      signal?.removeEventListener('abort', stop)
    }
    socket.once('error', (error) => {
      settled()
      reject(error)
    })
    socket.once('connect', () => {
      settled()
      socket.removeAllListeners('error')
      resolve(new SocketConnection(socket))
    })
  })
}
