/** A connection without a network: what a simulated client says goes in, what the server answers comes out. */
import type { Connection, ConnectionHandler, Peer, TlsFacts } from '../../io/net/mod.ts'

export class MemoryConnection implements Connection {
  readonly remote: Peer
  readonly local: Peer = { address: '127.0.0.1', port: 25 }
  readonly tls: TlsFacts | undefined
  readonly pendingOctets = 0
  readonly deflated = false
  octetsIn = 0
  octetsOut = 0
  closed = false
  #handler: ConnectionHandler | undefined
  #said = ''
  #wake: () => void = () => {}
  #whenClosed: () => void = () => {}

  constructor(remote: Peer, tls: TlsFacts | undefined) {
    this.remote = remote
    this.tls = tls
  }

  /** The client says something. */
  say(text: string | Buffer): void {
    const octets = Buffer.from(text)
    this.octetsIn += octets.length
    this.#handler?.data(octets)
  }

  /** The server's next reply, all its lines without the last line end; undefined once it has closed the connection. */
  async reply(): Promise<string | undefined> {
    for (;;) {
      const [whole] = /^(?:\d{3}-[^\n]*\n)*\d{3}(?: [^\n]*)?\n/.exec(this.#said) ?? []
      if (whole !== undefined) {
        this.#said = this.#said.slice(whole.length)
        return whole.trimEnd().replaceAll('\r', '')
      }
      if (this.closed) return undefined
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
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
  pause(): void {}
  resume(): void {}
  unread(octets: Buffer): void {
    queueMicrotask(() => this.#handler?.data(octets))
  }
  idleAfter(): void {}

  write(data: Uint8Array | string): boolean {
    this.octetsOut += data.length
    this.#said += typeof data === 'string' ? data : Buffer.from(data).toString()
    this.#wake()
    return true
  }
  drained(): Promise<void> {
    return Promise.resolve()
  }
  end(data?: Uint8Array | string): void {
    if (data !== undefined) this.write(data)
    this.destroy()
  }
  destroy(): void {
    if (this.closed) return
    this.closed = true
    this.#wake()
    this.#whenClosed()
  }

  startTls(): Promise<TlsFacts> {
    return Promise.reject(new Error('A simulated connection has TLS from its start, or none'))
  }
  startTlsClient(): Promise<TlsFacts> {
    return this.startTls()
  }
  deflate(): void {
    throw new Error('A simulated connection is not compressed')
  }
  stopDeflate(): Promise<void> {
    return Promise.resolve()
  }
  exportKeyingMaterial(): undefined {
    return undefined
  }
}
