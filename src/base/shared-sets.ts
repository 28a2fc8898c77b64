/**
 * A table of fixed size in memory that threads share: keys of any length, a slot of words each. A key has its place in one set
 * of a few slots; where all are taken, one gives way.
 */
import { hash, randomBytes } from 'node:crypto'

export interface SharedSetsShape {
  readonly sets: number
  /** Slots of a set. */
  readonly ways: number
  /** 32-bit words of a slot. */
  readonly words: number
}

/** A thread that was ended inside holds its lock for ever: after so many tries it is taken from it. */
const SPINS_MAX = 10_000_000
/** 32-bit words of the secret, so that nobody outside can choose keys of one set. */
const SECRET = 8
/** Of a slot's key. */
const KEY = 2

export class SharedSets {
  readonly #shape: SharedSetsShape
  readonly #words: Int32Array
  readonly #secret: Buffer

  /** Made once, for all threads. */
  static memory({ sets, ways, words }: SharedSetsShape): SharedArrayBuffer {
    const memory = new SharedArrayBuffer(4 * (SECRET + sets + sets * ways * (KEY + words)))
    randomBytes(4 * SECRET).copy(Buffer.from(memory))
    return memory
  }

  constructor(memory: SharedArrayBuffer, shape: SharedSetsShape) {
    this.#shape = shape
    this.#words = new Int32Array(memory)
    this.#secret = Buffer.from(Buffer.from(memory, 0, 4 * SECRET))
  }

  /** Words that tell nothing of what they were made from to one who has them. */
  digest(purpose: string, text: string | Buffer): Buffer {
    return hash('sha256', Buffer.concat([this.#secret, Buffer.from(purpose), Buffer.from(text)]), 'buffer')
  }

  /** Works on a key's slot, which nobody else touches meanwhile; undefined where it has none. */
  find<T>(key: string, work: (slot: Int32Array) => T): T | undefined {
    return this.#locked(key, (slots, high, low) => {
      const slot = slots.find((one) => one[0] === high && one[1] === low)
      return slot === undefined ? undefined : work(slot.subarray(KEY))
    })
  }

  /**
   * The same, and where it has none it takes one, with zeros.
   * @param worth which slot of a full set gives way: that of the least; free ones go first
   */
  take<T>(key: string, worth: (slot: Int32Array) => number, work: (slot: Int32Array) => T): T {
    return this.#locked(key, (slots, high, low) => {
      let slot = slots.find((one) => one[0] === high && one[1] === low)
      if (slot === undefined) {
        const value = (one: Int32Array): number => (one[0] === 0 ? -Infinity : worth(one.subarray(KEY)))
        slot = slots.reduce((least, one) => (value(one) < value(least) ? one : least))
        slot.fill(0)
        slot[0] = high
        slot[1] = low
      }
      return work(slot.subarray(KEY))
    })
  }

  forget(key: string): void {
    this.#locked(key, (slots, high, low) => slots.find((one) => one[0] === high && one[1] === low)?.fill(0))
  }

  /** Works on every slot that is taken, a set at a time. */
  each(work: (slot: Int32Array) => void): void {
    for (let set = 0; set < this.#shape.sets; set++)
      this.#lockedSet(set, (slots) => {
        for (const slot of slots) if (slot[0] !== 0) work(slot.subarray(KEY))
      })
  }

  #locked<T>(key: string, work: (slots: readonly Int32Array[], high: number, low: number) => T): T {
    const digest = this.digest('key ', key)
    const high = digest.readInt32LE(4) || 1 // 0 is a slot that nobody has
    return this.#lockedSet(digest.readUInt32LE(0) % this.#shape.sets, (slots) =>
      work(slots, high, digest.readInt32LE(8)),
    )
  }

  /** What is done inside takes a microsecond or two, so that others wait for it where they stand. */
  #lockedSet<T>(set: number, work: (slots: readonly Int32Array[]) => T): T {
    const { sets, ways, words } = this.#shape
    const lock = SECRET + set
    for (let spins = 0; Atomics.compareExchange(this.#words, lock, 0, 1) !== 0 && spins < SPINS_MAX; spins++);
    try {
      const slot = KEY + words
      const first = SECRET + sets + set * ways * slot
      return work(
        Array.from({ length: ways }, (_, way) => this.#words.subarray(first + way * slot, first + (way + 1) * slot)),
      )
    } finally {
      Atomics.store(this.#words, lock, 0)
    }
  }
}
