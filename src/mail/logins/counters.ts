/**
 * Failed log-ins as all threads count them together: a table of fixed size in shared memory. What is counted leaks away with
 * time. Only new pairs of name and password count: a telephone with an old password says the same one day and night, and tells
 * nobody anything.
 */
import { type Clock, SharedSets } from '../../base/mod.ts'

/** The latest pairs of a key that are known again. */
const PAIRS = 27
/** Words of a slot: points, time, where the next pair goes, the pairs. */
const POINTS = 0
const SINCE = 1
const NEXT = 2
const FIRST_PAIR = 3
/** Of a set whoever is counted least gives way. */
const SHAPE = { sets: 1024, ways: 8, words: FIRST_PAIR + PAIRS }
/** Points are kept in thousandths. */
const UNIT = 1000
const POINTS_MAX = 1_000_000

export interface Failure {
  /** What was tried, without telling what: `pairOf`. */
  readonly pair: number
  /** 1, or less where a mistake is likelier than an attack. */
  readonly weight: number
}

export class FailureCounters {
  readonly #sets: SharedSets
  readonly #clock: Clock
  readonly #leakMs: () => number

  /** Made once, for all threads. */
  static memory(): SharedArrayBuffer {
    return SharedSets.memory(SHAPE)
  }

  /** @param leakMs how long it takes one point to leak away */
  constructor(memory: SharedArrayBuffer, clock: Clock, leakMs: () => number) {
    this.#sets = new SharedSets(memory, SHAPE)
    this.#clock = clock
    this.#leakMs = leakMs
  }

  /** A name and password as a number, of no use to one who has it. */
  pairOf(name: string, secret: string | Buffer): number {
    return this.#sets.digest(`pair ${name.length} ${name} `, secret).readInt32LE(0)
  }

  /** Counts it, unless it was counted before; answers how many points `key` has now. */
  count(key: string, { pair, weight }: Failure): number {
    const worth = (slot: Int32Array): number => this.#pointsOf(slot)
    return this.#sets.take(key, worth, (slot) => {
      const before = this.#pointsOf(slot)
      if (slot.subarray(FIRST_PAIR).includes(pair)) return before / UNIT
      const next = slot[NEXT] ?? 0
      slot[FIRST_PAIR + next] = pair
      slot[NEXT] = (next + 1) % PAIRS
      slot[SINCE] = this.#seconds()
      return (slot[POINTS] = Math.min(POINTS_MAX, before + Math.round(weight * UNIT))) / UNIT
    })
  }

  points(key: string): number {
    return this.#sets.find(key, (slot) => this.#pointsOf(slot) / UNIT) ?? 0
  }

  /** It begins anew (a ban was lifted). */
  forget(key: string): void {
    this.#sets.forget(key)
  }

  #seconds(): number {
    return Math.floor(this.#clock.now() / 1000) | 0
  }

  /** A clock that was set back leaks nothing. */
  #pointsOf(slot: Int32Array): number {
    const points = slot[POINTS] ?? 0
    if (points === 0) return 0
    const elapsedMs = Math.max(0, this.#seconds() - (slot[SINCE] ?? 0)) * 1000
    return Math.max(0, points - Math.floor((elapsedMs / this.#leakMs()) * UNIT))
  }
}
