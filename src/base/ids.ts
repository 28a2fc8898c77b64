/** Identities: 128-bit record ids and Postfix-style long queue ids. */
import { randomFillSync } from 'node:crypto'

const RANDOM_OCTETS = 10

/** Random octets are fetched for so many ids at a time: a system call each would cost more than all the rest of an id. */
const pool = Buffer.alloc(RANDOM_OCTETS * 256)
let used = pool.length

/** A record's own id: 48 bits of milliseconds, then 80 random bits, so that ids sort by time. */
export function newRecordId(nowMs: number): Buffer {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  const id = Buffer.alloc(16)
  id.writeUIntBE(nowMs, 0, 6)
  pool.copy(id, 6, used, (used += RANDOM_OCTETS))
  return id
}

/** Postfix's base 52 for long queue ids: digits and consonants, so that no word appears by accident. */
const ALPHABET = '0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz'

function base52(n: number, width: number): string {
  let text = ''
  for (; n > 0 || text.length < width; n = Math.floor(n / 52)) text = ALPHABET[n % 52] + text
  return text
}

/**
 * Makes queue ids as Postfix's `enable_long_queue_ids = yes`: seconds (6 or more), microseconds (4), `z`, and a
 * number that no other message of that microsecond has. Postfix puts the inode there; here it is the record
 * counter of the thread, so ids of two threads never meet.
 */
export class QueueIds {
  readonly #thread: number
  #count = 0

  /** @param thread a number below 52 that no other running maker has */
  constructor(thread: number) {
    this.#thread = thread
  }

  next(nowMs: number): string {
    this.#count = (this.#count + 1) % 140_608 // 52 ** 3
    const micros = Math.floor(nowMs % 1000) * 1000 + (this.#count % 1000)
    return `${base52(Math.floor(nowMs / 1000), 6)}${base52(micros, 4)}z${ALPHABET[this.#thread % 52]}${base52(this.#count, 3)}`
  }
}
