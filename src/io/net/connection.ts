/**
 * A connection over a socket of Node's: writes of one tick joined, one re-armed timer, TLS on either side.
 */
import type { Socket } from 'node:net'
import { connect as tlsConnect, TLSSocket } from 'node:tls'
import type { Connection, ConnectionHandler, Peer, TlsClientOptions, TlsFacts } from './contract.ts'
import { DeflatedSocket, lastBlock } from './deflated-socket.ts'
import type { ServerTls } from './identity.ts'
import { clientContext } from './client-context.ts'
import { factsOf, ofPeerBefore } from './tls-facts.ts'

/** IPv4 mapped into IPv6 is written as IPv4, as Postfix logs it. */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return ''
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address.replace(/%.*$/, '')
}

/** Above this many octets on their way out, `write` answers false: the writer should wait. */
export const WRITE_HIGH_WATER = 256 * 1024

const noHandler: ConnectionHandler = { data() {}, end() {}, idle() {} }

export class SocketConnection implements Connection {
  readonly remote: Peer
  readonly local: Peer
  #socket: Socket | DeflatedSocket
  #tls: TlsFacts | undefined
  readonly #serverTls: ServerTls | undefined
  #handler = noHandler
  #timer: NodeJS.Timeout | undefined
  #timerMs = 0
  #out: (Uint8Array | string)[] = []
  #outOctets = 0
  /** Nothing can be written any more. */
  #ended = false
  /** The handler knows of the end. */
  #told = false
  #octetsInBefore = 0
  #octetsOutBefore = 0
  #waiters: (() => void)[] = []
  /** The start of what may be a last block of deflated octets; undefined: none is waited for. */
  #lastBlock: Buffer | undefined
  #whenClosed: () => void = () => {}

  /**
   * @param serverTls what STARTTLS and implicit TLS present; undefined on a client's connection
   * @param ends who speaks with whom, where a load balancer has said so
   */
  constructor(socket: Socket, serverTls?: ServerTls, ends?: { readonly remote: Peer; readonly local: Peer }) {
    this.#socket = socket
    this.#serverTls = serverTls
    this.remote = ends?.remote ?? { address: plainAddress(socket.remoteAddress), port: socket.remotePort ?? 0 }
    this.local = ends?.local ?? { address: plainAddress(socket.localAddress), port: socket.localPort ?? 0 }
    socket.setNoDelay(true)
    this.#listen(socket)
  }

  get tls(): TlsFacts | undefined {
    return this.#tls
  }
  get closed(): boolean {
    return this.#ended
  }
  get pendingOctets(): number {
    return this.#outOctets + this.#socket.writableLength
  }
  get octetsIn(): number {
    return this.#octetsInBefore + this.#socket.bytesRead
  }
  get octetsOut(): number {
    return this.#octetsOutBefore + this.#socket.bytesWritten
  }

  attach(handler: ConnectionHandler): void {
    this.#handler = handler
  }

  whenClosed(then: () => void): void {
    const before = this.#whenClosed
    this.#whenClosed = () => {
      before()
      then()
    }
  }

  get deflated(): boolean {
    return this.#socket instanceof DeflatedSocket
  }

  deflate(rest: Buffer): void {
    const socket = this.#socket
    if (socket instanceof DeflatedSocket) throw new Error('Compression is active already')
    this.#flush()
    socket.pause()
    this.#unlisten(socket)
    this.#socket = new DeflatedSocket(socket, rest)
    this.#listen(this.#socket)
  }

  async stopDeflate(): Promise<void> {
    const deflated = this.#socket
    if (!(deflated instanceof DeflatedSocket)) return
    this.#flush()
    const rest = await deflated.stop()
    this.#unlisten(deflated)
    this.#socket = deflated.inner
    this.#listen(this.#socket)
    if (rest === undefined) this.#lastBlock = Buffer.alloc(0)
    else if (rest.length > 0) this.#handler.data(rest)
    this.#socket.resume()
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  unread(octets: Buffer): void {
    this.#socket.unshift(octets)
  }

  write(data: Uint8Array | string): boolean {
    if (this.#ended || data.length === 0) return true
    if (this.#out.length === 0) process.nextTick(this.#flush)
    this.#out.push(data)
    this.#outOctets += data.length
    // Large answers go to the socket at once, so that the kernel is fed while the next part is made.
    if (this.#outOctets >= WRITE_HIGH_WATER) this.#flush()
    return this.#socket.writableLength < WRITE_HIGH_WATER
  }

  drained(): Promise<void> {
    this.#flush()
    if (this.#ended || this.#socket.writableLength === 0) return Promise.resolve()
    return new Promise((resolve) => this.#waiters.push(resolve))
  }

  idleAfter(ms: number): void {
    if (this.#ended) return
    if (ms === this.#timerMs && this.#timer !== undefined) {
      this.#timer.refresh()
      return
    }
    clearTimeout(this.#timer)
    this.#timerMs = ms
    this.#timer = ms > 0 ? setTimeout(this.#onIdle, ms) : undefined
  }

  end(data?: Uint8Array | string): void {
    if (data !== undefined) this.write(data)
    this.#flush()
    if (!this.#socket.writableEnded) this.#socket.end()
    // A peer that never closes its side must not keep the socket: a bound on the goodbye.
    this.idleAfter(GOODBYE_MS)
    const handler = this.#handler
    this.#handler = { ...noHandler, end: (error) => handler.end(error), idle: () => this.destroy() }
    this.#socket.resume()
  }

  destroy(): void {
    this.#socket.destroy()
    this.#finish(undefined)
  }

  /** @param isFirst TLS from the first octet on: what has come already is TLS */
  async startTls(isFirst = false): Promise<TlsFacts> {
    const { context, sni, alpn } = this.#serverTls?.current() ?? {}
    if (context === undefined) throw new Error('No certificate for TLS')
    const plain = this.#leavePlain(isFirst)
    const socket = new TLSSocket(plain, {
      isServer: true,
      secureContext: context,
      ...(sni !== undefined && { SNICallback: sni }),
      ...(alpn !== undefined && { ALPNProtocols: [...alpn] }),
      ...(this.#serverTls?.askClientCertificate === true && { requestCert: true, rejectUnauthorized: false }),
    })
    return this.#becomeTls(socket, 'secure', this.#serverTls?.handshakeMs ?? HANDSHAKE_MS)
  }

  async startTlsClient(options: TlsClientOptions): Promise<TlsFacts> {
    const socket = tlsConnect({
      socket: this.#leavePlain(),
      ...(options.serverName !== undefined && { servername: options.serverName }),
      secureContext: options.context ?? clientContext(options),
      ...(!options.verify && { checkServerIdentity: () => undefined }),
      ...(options.session !== undefined && { session: options.session.ticket }),
      rejectUnauthorized: options.verify,
    })
    let known: TlsFacts | undefined
    const early: Buffer[] = []
    socket.on('session', (ticket) => {
      if (known === undefined) early.push(ticket)
      else options.onSession?.({ ticket, facts: known })
    })
    const found = await this.#becomeTls(socket, 'secureConnect', options.timeoutMs, options.fingerprintDigest)
    const facts = found.resumed && options.session !== undefined ? ofPeerBefore(found, options.session.facts) : found
    this.#tls = known = facts
    for (const ticket of early) options.onSession?.({ ticket, facts })
    return facts
  }

  exportKeyingMaterial(label: string, length: number): Buffer | undefined {
    const socket = this.#socket instanceof DeflatedSocket ? this.#socket.inner : this.#socket
    return socket instanceof TLSSocket ? socket.exportKeyingMaterial(length, label, Buffer.alloc(0)) : undefined
  }

  readonly #onIdle = (): void => {
    this.#timer = undefined
    this.#handler.idle()
  }

  readonly #flush = (): void => {
    const parts = this.#out
    if (parts.length === 0) return
    this.#out = []
    this.#outOctets = 0
    if (this.#socket.destroyed || this.#socket.writableEnded) return
    const [only] = parts
    if (parts.length === 1 && only !== undefined) this.#socket.write(only)
    else if (parts.every((part) => typeof part === 'string')) this.#socket.write(parts.join(''))
    else this.#socket.write(Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part))))
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#lastBlock === undefined) this.#handler.data(chunk)
    else this.#onAfterDeflate(Buffer.concat([this.#lastBlock, chunk]))
  }

  /** The peer may still end its stream of deflated octets: passed over. */
  #onAfterDeflate(octets: Buffer): void {
    const skipped = lastBlock(octets)
    this.#lastBlock = skipped === undefined ? octets : undefined
    if (skipped !== undefined && skipped < octets.length) this.#handler.data(octets.subarray(skipped))
  }

  readonly #onDrain = (): void => {
    const waiters = this.#waiters
    this.#waiters = []
    for (const wake of waiters) wake()
  }
  readonly #onError = (error: Error): void => this.#finish(error)
  readonly #onClose = (): void => this.#finish(undefined)
  /** The peer closed its side: nothing more to read, but answers to what it asked may still leave. */
  readonly #onEnd = (): void => {
    if (this.#ended || this.#told) return
    this.#told = true
    this.idleAfter(HALF_OPEN_MS)
    const handler = this.#handler
    this.#handler = { ...noHandler, idle: () => this.destroy() }
    handler.end(undefined)
  }

  #listen(socket: Socket | DeflatedSocket): void {
    socket.on('data', this.#onData)
    socket.on('drain', this.#onDrain)
    socket.on('error', this.#onError)
    socket.on('end', this.#onEnd)
    socket.on('close', this.#onClose)
  }

  #unlisten(socket: Socket | DeflatedSocket): void {
    socket.off('data', this.#onData)
    socket.off('drain', this.#onDrain)
    socket.off('error', this.#onError)
    socket.off('end', this.#onEnd)
    socket.off('close', this.#onClose)
  }

  #finish(error: Error | undefined): void {
    if (this.#ended) return
    this.#flush()
    this.#ended = true
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#onDrain()
    if (!this.#socket.writableEnded) this.#socket.end()
    this.#whenClosed()
    if (this.#told) return
    this.#told = true
    this.#handler.end(error)
  }

  /** Takes the plain socket out of our hands; what it had buffered is dropped, unless it is TLS. */
  #leavePlain(keep = false): Socket {
    this.#flush()
    const plain = this.#socket
    if (plain instanceof DeflatedSocket) throw new Error('TLS cannot start inside compression')
    plain.pause()
    plain.removeListener('data', this.#onData)
    plain.removeListener('drain', this.#onDrain)
    plain.removeListener('end', this.#onEnd)
    plain.removeListener('close', this.#onClose)
    while (!keep && plain.read() !== null);
    return plain
  }

  #becomeTls(
    socket: TLSSocket,
    ready: 'secure' | 'secureConnect',
    timeoutMs: number,
    digest = this.#serverTls?.fingerprintDigest ?? 'sha256',
  ): Promise<TlsFacts> {
    this.#octetsInBefore += this.#socket.bytesRead
    this.#octetsOutBefore += this.#socket.bytesWritten
    return new Promise((resolve, reject) => {
      const limit = setTimeout(() => fail(new Error('TLS handshake timed out')), timeoutMs)
      const fail = (error: Error): void => {
        clearTimeout(limit)
        socket.removeAllListeners()
        socket.on('error', () => {})
        socket.destroy()
        this.#finish(error)
        reject(error)
      }
      const lost = (): void => fail(new Error('Connection lost in the TLS handshake'))
      socket.once('error', fail)
      socket.once('close', lost)
      socket.once('end', lost) // our side of it would stay open
      socket.once(ready, () => {
        clearTimeout(limit)
        socket.removeAllListeners('error')
        socket.removeAllListeners('close')
        socket.off('end', lost)
        this.#socket = socket
        this.#tls = factsOf(socket, digest)
        this.#listen(socket)
        resolve(this.#tls)
      })
    })
  }
}

/** How long a peer may take to close its side after ours is closed. */
const GOODBYE_MS = 10_000
/** How long answers may still leave after the peer closed its side. */
const HALF_OPEN_MS = 300_000
/** Bound on a handshake where the service names none (`smtpd_starttls_timeout`). */
const HANDSHAKE_MS = 300_000
