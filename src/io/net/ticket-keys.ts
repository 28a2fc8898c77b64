/**
 * The key that sessions are sealed with (RFC 5077, RFC 8446 §4.6.1), in memory that all threads share: a client goes on with its
 * session on whichever thread it meets. A key that was replaced is overwritten, and what it sealed cannot be read any more.
 */
import { randomBytes } from 'node:crypto'

/** OpenSSL's: a name of 16 octets, then keys for HMAC and AES. */
const KEY_OCTETS = 48

export class TicketKeys {
  readonly #generation: Int32Array
  readonly #slots: Uint8Array

  /** Holds a first key. */
  static memory(): SharedArrayBuffer {
    const memory = new SharedArrayBuffer(4 + 2 * KEY_OCTETS)
    new TicketKeys(memory).rotate()
    return memory
  }

  constructor(memory: SharedArrayBuffer) {
    this.#generation = new Int32Array(memory, 0, 1)
    this.#slots = new Uint8Array(memory, 4)
  }

  get generation(): number {
    return Atomics.load(this.#generation, 0)
  }

  current(): Buffer {
    return Buffer.from(this.#slot(this.generation))
  }

  /** By one thread only. The other slot is written first, so that whoever reads at this moment reads a whole key. */
  rotate(): void {
    const next = (this.generation + 1) | 0
    this.#slot(next).set(randomBytes(KEY_OCTETS))
    Atomics.store(this.#generation, 0, next)
    this.#slot(next + 1).set(randomBytes(KEY_OCTETS))
  }

  #slot(generation: number): Uint8Array {
    return this.#slots.subarray((generation & 1) * KEY_OCTETS, ((generation & 1) + 1) * KEY_OCTETS)
  }
}
