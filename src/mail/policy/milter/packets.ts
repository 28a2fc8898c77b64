/** The milter protocol's packets as octets: a length of 32 bits, a letter, data. Sendmail's libmilter/mfdef.h. */

/** Octets of one packet of a filter, its letter counted. A whole replaced body may come in one. */
export const PACKET_LIMIT = 16 * 1024 * 1024

export interface Packet {
  readonly letter: string
  readonly data: Buffer
}

/** What a filter sent is no packet; the text is for the log. */
export class PacketError extends Error {}

/** Cuts a stream into packets. The chunks are kept. */
export class PacketReader {
  #chunks: Buffer[] = []
  #size = 0

  /** Octets that wait. */
  get waiting(): number {
    return this.#size
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#size += chunk.length
  }

  /** The next packet if all of it is there. Throws PacketError for a length that no packet has. */
  take(): Packet | undefined {
    if (this.#size < 4) return undefined
    if ((this.#chunks[0]?.length ?? 0) < 4) this.#join()
    const length = this.#chunks[0]!.readUInt32BE()
    if (length < 1) throw new PacketError(`bad packet length: ${length}`)
    if (length > PACKET_LIMIT) throw new PacketError(`unreasonable packet length: ${length} > ${PACKET_LIMIT}`)
    if (this.#size < 4 + length) return undefined
    if (this.#chunks[0]!.length < 4 + length) this.#join()
    const head = this.#chunks[0]!
    this.#size -= 4 + length
    if (head.length === 4 + length) this.#chunks.shift()
    else this.#chunks[0] = head.subarray(4 + length)
    return { letter: head.toString('latin1', 4, 5), data: head.subarray(5, 4 + length) }
  }

  #join(): void {
    this.#chunks = [Buffer.concat(this.#chunks)]
  }
}

/** Reads a packet's data, left to right. Throws PacketError where it is too short. */
export class DataCursor {
  readonly #data: Buffer
  #at = 0

  constructor(data: Buffer) {
    this.#data = data
  }

  get left(): number {
    return this.#data.length - this.#at
  }

  takeLong(): number {
    if (this.left < 4) throw new PacketError('input packet too short for network long')
    this.#at += 4
    return this.#data.readUInt32BE(this.#at - 4)
  }

  /** Up to its NUL. */
  takeString(): Buffer {
    if (this.left < 1) throw new PacketError('packet too short for string')
    const end = this.#data.indexOf(0, this.#at)
    if (end < 0) throw new PacketError('milter8_read_data: missing string null termimator')
    const text = this.#data.subarray(this.#at, end)
    this.#at = end + 1
    return text
  }

  takeRest(): Buffer {
    const rest = this.#data.subarray(this.#at)
    this.#at = this.#data.length
    return rest
  }

  /** Nothing may be left. */
  end(): void {
    if (this.left > 0) throw new PacketError(`left-over data ${this.left} bytes`)
  }
}

/** A string or a number of 32 bits as it stands in a packet; octets stand as they are. */
export type Part = string | number | Buffer

/** @param parts strings are UTF-8, and get their NUL */
export function packet(letter: string, ...parts: readonly Part[]): Buffer {
  const data = parts.map(octetsOf)
  const head = Buffer.alloc(5)
  head.writeUInt32BE(1 + data.reduce((sum, part) => sum + part.length, 0))
  head.write(letter, 4, 'latin1')
  return Buffer.concat([head, ...data])
}

function octetsOf(part: Part): Buffer {
  if (Buffer.isBuffer(part)) return part
  if (typeof part === 'string') return Buffer.from(`${part.replaceAll('\0', '')}\0`)
  const octets = Buffer.alloc(4)
  octets.writeUInt32BE(part)
  return octets
}
