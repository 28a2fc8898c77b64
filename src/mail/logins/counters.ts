/**
 * Failed log-ins as all threads count them together: a table of fixed size in shared memory. What is counted leaks away with
 * time. Only new pairs of name and password count: a telephone with an old password says the same one day and night, and tells
 * nobody anything.
 */
import { hash, randomBytes } from 'node:crypto'
import type { Clock } from '../../base/mod.ts'

const SETS = 1024
/** Slots of a set: whoever is counted least gives way. */
const WAYS = 8
/** The latest pairs of a slot that are known again. */
const PAIRS = 27
/** Of a slot: two of its key, points, time, where the next pair goes, the pairs. */
const SLOT = 5 + PAIRS
const SECRET = 8
const LOCKS = SECRET
const SLOTS = LOCKS + SETS
const WORDS = SLOTS + SETS * WAYS * SLOT
/** Points are kept in thousandths. */
const UNIT = 1000
const POINTS_MAX = 1_000_000
/** A thread that was ended inside holds its lock for ever: after so many tries it is taken from it. */
const SPINS_MAX = 10_000_000

interface Place {
  readonly set: number
  readonly high: number
  readonly low: number
}

export interface Failure {
  /** What was tried, without telling what: `pairOf`. */
  readonly pair: number
  /** 1, or less where a mistake is likelier than an attack. */
  readonly weight: number
}

export class FailureCounters {
  readonly #words: Int32Array
  readonly #secret: Buffer
  readonly #clock: Clock
  readonly #leakMs: () => number

  /** Made once, for all threads. */
  static memory(): SharedArrayBuffer {
    const memory = new SharedArrayBuffer(4 * WORDS)
    randomBytes(4 * SECRET).copy(Buffer.from(memory))
    return memory
  }

  /** @param leakMs how long it takes one point to leak away */
  constructor(memory: SharedArrayBuffer, clock: Clock, leakMs: () => number) {
    this.#words = new Int32Array(memory)
    this.#secret = Buffer.from(Buffer.from(memory, 0, 4 * SECRET))
    this.#clock = clock
    this.#leakMs = leakMs
  }

  /** A name and password as a number, of no use to one who has it. */
  pairOf(name: string, secret: string | Buffer): number {
    return this.#hash(`pair ${name.length} ${name} `, secret).readInt32LE(0)
  }

  /** Counts it, unless it was counted before; answers how many points `key` has now. */
  count(key: string, { pair, weight }: Failure): number {
    return this.#locked(this.#place(key), (place) => {
      const words = this.#words
      const at = this.#find(place) ?? this.#take(place)
      const before = this.#pointsAt(at)
      if (words.subarray(at + 5, at + SLOT).includes(pair)) return before / UNIT
      const next = words[at + 4] ?? 0
      words[at + 5 + next] = pair
      words[at + 4] = (next + 1) % PAIRS
      words[at + 2] = Math.min(POINTS_MAX, before + Math.round(weight * UNIT))
      words[at + 3] = this.#seconds()
      return (words[at + 2] ?? 0) / UNIT
    })
  }

  points(key: string): number {
    return this.#locked(this.#place(key), (place) => {
      const at = this.#find(place)
      return at === undefined ? 0 : this.#pointsAt(at) / UNIT
    })
  }

  /** It begins anew (a ban was lifted). */
  forget(key: string): void {
    this.#locked(this.#place(key), (place) => {
      const at = this.#find(place)
      if (at !== undefined) this.#words.fill(0, at, at + SLOT)
    })
  }

  #seconds(): number {
    return Math.floor(this.#clock.now() / 1000) | 0
  }

  /** A clock that was set back leaks nothing. */
  #pointsAt(at: number): number {
    const elapsedMs = Math.max(0, this.#seconds() - (this.#words[at + 3] ?? 0)) * 1000
    return Math.max(0, (this.#words[at + 2] ?? 0) - Math.floor((elapsedMs / this.#leakMs()) * UNIT))
  }

  #hash(purpose: string, text: string | Buffer): Buffer {
    return hash('sha256', Buffer.concat([this.#secret, Buffer.from(purpose), Buffer.from(text)]), 'buffer')
  }

  #place(key: string): Place {
    const digest = this.#hash('key ', key)
    return {
      set: digest.readUInt32LE(0) % SETS,
      high: digest.readInt32LE(4) || 1, // 0 is a slot that nobody has
      low: digest.readInt32LE(8),
    }
  }

  #find({ set, high, low }: Place): number | undefined {
    for (let way = 0; way < WAYS; way++) {
      const at = SLOTS + (set * WAYS + way) * SLOT
      if (this.#words[at] === high && this.#words[at + 1] === low) return at
    }
    return undefined
  }

  /** A free slot of the set, or that of whoever has the fewest points. */
  #take({ set, high, low }: Place): number {
    let least = SLOTS + set * WAYS * SLOT
    for (let way = 1; way < WAYS; way++) {
      const at = SLOTS + (set * WAYS + way) * SLOT
      if (this.#pointsAt(at) < this.#pointsAt(least)) least = at
    }
    this.#words.fill(0, least, least + SLOT)
    this.#words[least] = high
    this.#words[least + 1] = low
    this.#words[least + 3] = this.#seconds()
    return least
  }

  /** What is done inside takes a microsecond, so that others wait for it where they stand. */
  #locked<T>(place: Place, work: (place: Place) => T): T {
    const lock = LOCKS + place.set
    for (let spins = 0; Atomics.compareExchange(this.#words, lock, 0, 1) !== 0 && spins < SPINS_MAX; spins++);
    try {
      return work(place)
    } finally {
      Atomics.store(this.#words, lock, 0)
    }
  }
}
