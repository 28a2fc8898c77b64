/** A connection to a server that is asked one question at a time: what it sends is taken by lines or by octets. */
import { connect, type NetConnectOpts, type Socket } from 'node:net'
import { resolve } from 'node:path'
import { systemText } from '#src/base/mod.ts'
import { servicePort } from '../../config/mod.ts'

/** Octets of an answer that is not taken yet; a server that sends more is not read from until they are. */
const HELD_OCTETS = 1 << 20

/** Why a connection failed. */
export class StreamError extends Error {
  /** `lost`: the server hung up, as it does with connections that it finds idle. */
  readonly kind: 'connect' | 'lost' | 'timeout' | 'limit'

  constructor(kind: StreamError['kind'], message: string, cause?: unknown) {
    super(message, { cause })
    this.kind = kind
  }
}

export interface Endpoint {
  /** As it is shown: `host:port` or a path. */
  readonly shown: string
  readonly target: NetConnectOpts
}

/** `inet:host:port`, `unix:path`; undefined for something else. */
export function parseEndpoint(text: string, directory: string): Endpoint | undefined {
  const [, type, rest = ''] = /^(inet|unix):(.*)$/s.exec(text) ?? []
  if (type === 'unix') return { shown: rest, target: { path: resolve(directory, rest) } }
  return type === 'inet' ? inetEndpoint(rest) : undefined
}

/** `host:port`, `[v6]:port`, `port` alone for this machine. */
export function inetEndpoint(text: string): Endpoint {
  const [, host = '', port = text] = /^(.*):([^:\]]*)$/s.exec(text) ?? []
  const name = host.replace(/^\[(.*)\]$/, '$1')
  const number = /^\d+$/.test(port) ? Number(port) : servicePort(port)
  return { shown: text, target: { host: name === '' ? 'localhost' : name, port: number ?? -1 } }
}

export class Stream {
  readonly #socket: Socket
  readonly #limitMs: number
  #held: Buffer[] = []
  #heldOctets = 0
  #wake: (() => void) | undefined
  #fault: StreamError | undefined

  private constructor(socket: Socket, limitMs: number) {
    this.#socket = socket
    this.#limitMs = limitMs
    socket.on('data', (chunk: Buffer) => {
      this.#held.push(chunk)
      this.#heldOctets += chunk.length
      if (this.#heldOctets > HELD_OCTETS) socket.pause()
      this.#wake?.()
    })
    socket.on('error', (error) => this.#fail(new StreamError('lost', connectText(error), error)))
    socket.on('close', () => this.#fail(new StreamError('lost', 'Connection lost')))
  }

  /** Throws StreamError. */
  static open({ target }: Endpoint, limitMs: number): Promise<Stream> {
    return new Promise((done, failed) => {
      if ('port' in target && (target.port ?? -1) < 0) {
        failed(new StreamError('connect', 'Servname not supported for ai_socktype'))
        return
      }
      const socket = connect(target)
      const timer = setTimeout(() => socket.destroy(new Error('Connection timed out')), limitMs)
      socket.once('error', (error) => {
        clearTimeout(timer)
        failed(new StreamError('connect', connectText(error), error))
      })
      socket.once('connect', () => {
        clearTimeout(timer)
        socket.removeAllListeners('error')
        socket.setNoDelay(true)
        done(new Stream(socket, limitMs))
      })
    })
  }

  get isOpen(): boolean {
    return this.#fault === undefined
  }

  /** An idle connection does not keep a program alive. */
  set idle(idle: boolean) {
    if (idle) this.#socket.unref()
    else this.#socket.ref()
  }

  write(octets: string | Buffer): void {
    if (this.#fault !== undefined) throw this.#fault
    this.#socket.write(octets)
  }

  /** A line without its end; at most `max` octets. */
  takeLine(max: number): Promise<Buffer> {
    return this.#take((all) => {
      const end = all.indexOf(0x0a)
      if (end > max || (end < 0 && all.length > max)) throw new StreamError('limit', 'Line too long')
      return end < 0 ? undefined : { value: all.subarray(0, end), used: end + 1 }
    })
  }

  takeOctets(count: number): Promise<Buffer> {
    return this.#take((all) => (all.length < count ? undefined : { value: all.subarray(0, count), used: count }))
  }

  close(): void {
    this.#fail(new StreamError('lost', 'Connection closed'))
    this.#socket.destroy()
  }

  async #take(find: (all: Buffer) => { value: Buffer; used: number } | undefined): Promise<Buffer> {
    const timer = setTimeout(() => this.#fail(new StreamError('timeout', 'Connection timed out')), this.#limitMs)
    try {
      for (;;) {
        const all = this.#held.length === 1 ? this.#held[0]! : Buffer.concat(this.#held)
        const found = find(all)
        const rest = found === undefined ? all : all.subarray(found.used)
        this.#held = rest.length === 0 ? [] : [rest]
        this.#heldOctets = rest.length
        if (found !== undefined) return found.value
        if (this.#fault !== undefined) throw this.#fault
        await this.#more()
      }
    } finally {
      clearTimeout(timer)
    }
  }

  #more(): Promise<void> {
    this.#socket.resume()
    return new Promise((done) => {
      this.#wake = done
    })
  }

  #fail(fault: StreamError): void {
    this.#fault ??= fault
    this.#wake?.()
  }
}

/** `Connection refused`, of the first address where a name has several. */
export function connectText(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return connectText(error.errors[0])
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'ENOTFOUND') return 'Name or service not known'
  if (code === 'EAI_AGAIN') return 'Temporary failure in name resolution'
  return systemText(error)
}
