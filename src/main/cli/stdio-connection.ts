/** Standard input and output as a connection, for `sendmail -bs`. */
import type { Readable, Writable } from 'node:stream'
import type { Connection, ConnectionHandler, TlsFacts } from '../../io/net/mod.ts'

export class StdioConnection implements Connection {
  readonly remote = { address: '127.0.0.1', port: 0 }
  readonly local = { address: '127.0.0.1', port: 0 }
  readonly tls: TlsFacts | undefined = undefined
  readonly #input: Readable
  readonly #output: Writable
  #handler: ConnectionHandler | undefined
  #timer: NodeJS.Timeout | undefined
  #octetsIn = 0
  #octetsOut = 0
  #closed = false
  readonly #whenClosed: (() => void)[] = []

  constructor(input: Readable, output: Writable) {
    this.#input = input
    this.#output = output
    output.on('error', () => this.destroy()) // whoever read it has gone
  }

  get pendingOctets(): number {
    return this.#output.writableLength
  }
  get octetsIn(): number {
    return this.#octetsIn
  }
  get octetsOut(): number {
    return this.#octetsOut
  }
  get closed(): boolean {
    return this.#closed
  }

  attach(handler: ConnectionHandler): void {
    const first = this.#handler === undefined
    this.#handler = handler
    if (!first) return
    this.#input.on('data', (chunk: Buffer) => {
      this.#octetsIn += chunk.length
      this.#timer?.refresh()
      this.#handler?.data(chunk)
    })
    this.#input.on('end', () => this.#handler?.end(undefined))
    this.#input.on('error', (error: Error) => this.#handler?.end(error))
  }

  whenClosed(then: () => void): void {
    this.#whenClosed.push(then)
  }
  pause(): void {
    this.#input.pause()
  }
  resume(): void {
    this.#input.resume()
  }
  unread(octets: Buffer): void {
    this.#input.unshift(octets)
  }

  write(data: Uint8Array | string): boolean {
    if (this.#closed) return false
    this.#octetsOut += Buffer.byteLength(data)
    return this.#output.write(data)
  }

  drained(): Promise<void> {
    if (this.#closed || !this.#output.writableNeedDrain) return Promise.resolve()
    return new Promise((resolve) => {
      this.#output.once('drain', resolve)
      this.whenClosed(resolve)
    })
  }

  startTls(): Promise<TlsFacts> {
    return Promise.reject(new Error('standard input speaks no TLS'))
  }
  startTlsClient(): Promise<TlsFacts> {
    return this.startTls()
  }
  readonly deflated = false
  deflate(): void {
    throw new Error('Compression is not for standard input and output')
  }
  stopDeflate(): Promise<void> {
    return Promise.resolve()
  }
  exportKeyingMaterial(): Buffer | undefined {
    return undefined
  }

  idleAfter(ms: number): void {
    clearTimeout(this.#timer)
    this.#timer = ms > 0 ? setTimeout(() => this.#handler?.idle(), ms) : undefined
  }

  end(data?: Uint8Array | string): void {
    if (data !== undefined) this.write(data)
    this.destroy()
  }

  destroy(): void {
    if (this.#closed) return
    this.#closed = true
    clearTimeout(this.#timer)
    this.#input.destroy()
    for (const then of this.#whenClosed.splice(0)) then()
  }
}
