/** One connection to a milter: packets out, packets in, each with its time limit. */
import { systemText } from '#src/base/mod.ts'
import { connect, type Connection, type ConnectOptions } from '../../../io/net/mod.ts'
import { type Packet, PacketReader } from './packets.ts'

/** Octets that may wait for whoever reads packets, before the filter is told to stop. */
const WAITING_LIMIT = 1024 * 1024

/** The filter is gone or silent: why, in the system's words. */
export class LinkError extends Error {}

export class MilterLink {
  readonly #connection: Connection
  readonly #reader = new PacketReader()
  #failure: LinkError | undefined
  #waiting: (() => void) | undefined
  #paused = false

  static async open(to: ConnectOptions['to'], timeoutMs: number): Promise<MilterLink> {
    try {
      return new MilterLink(await connect({ to, timeoutMs }))
    } catch (error) {
      throw new LinkError(systemText(error), { cause: error })
    }
  }

  constructor(connection: Connection) {
    this.#connection = connection
    connection.attach({
      data: (chunk) => {
        this.#reader.push(chunk)
        if (this.#reader.waiting > WAITING_LIMIT && this.#waiting === undefined) {
          this.#paused = true
          connection.pause()
        }
        this.#wake()
      },
      // Postfix's word for an end of file where none was due.
      end: (error) => this.#fail(error === undefined ? 'Application error' : systemText(error)),
      idle: () => {
        this.#fail('Connection timed out')
        connection.destroy()
      },
    })
  }

  /** Sends; waits where the filter does not keep up. Throws LinkError. */
  async send(octets: Buffer, timeoutMs: number): Promise<void> {
    if (this.#failure !== undefined && this.#connection.closed) throw this.#failure
    if (this.#connection.write(octets)) return
    this.#connection.idleAfter(timeoutMs)
    await this.#connection.drained()
    if (this.#failure !== undefined) throw this.#failure
  }

  /** Sends without waiting: what fails shows at the next event. */
  tell(octets: Buffer): void {
    if (!this.#connection.closed) this.#connection.write(octets)
  }

  /** The next packet. Throws LinkError, and PacketError for what is none. */
  async receive(timeoutMs: number): Promise<Packet> {
    for (;;) {
      const packet = this.#reader.take()
      if (packet !== undefined) return packet
      if (this.#failure !== undefined) throw this.#failure
      if (this.#paused) {
        this.#paused = false
        this.#connection.resume()
      }
      this.#connection.idleAfter(timeoutMs)
      await new Promise<void>((resolve) => (this.#waiting = resolve))
      this.#connection.idleAfter(0)
    }
  }

  /** @param last what is still to be said */
  close(last?: Buffer): void {
    this.#failure ??= new LinkError('closed')
    this.#connection.idleAfter(0)
    if (last === undefined) this.#connection.destroy()
    else this.#connection.end(last)
  }

  #fail(why: string): void {
    this.#failure ??= new LinkError(why)
    this.#wake()
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.()
  }
}
