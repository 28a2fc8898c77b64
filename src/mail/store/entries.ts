/**
 * The one codec that knows how messages are laid out in `mailbox_page.data` and `expunged.data`, and in views:
 * columns of fixed width, one after the other, little-endian as every machine that Node runs on here.
 *
 *     modSeq f64 × n | message f64 × n | dateMs f64 × n | uid u32 × n | flags u32 × n | size u32 × n
 *
 * Doubles hold MODSEQ and row ids exactly up to 2^53. The widest columns stand first, so that each is aligned and a
 * blob from the database is looked at where it lies, changed there, and written back without a copy.
 */

/** Messages in a page. */
export const PAGE_ENTRIES = 256

/** Octets of one entry. */
export const ENTRY_OCTETS = 36

/** What one message's entry holds. */
export interface Entry {
  readonly uid: number
  /** System flags and keyword set: keywords.ts. */
  readonly flags: number
  readonly sizeOctets: number
  readonly modSeq: number
  /** Row of table `message`. */
  readonly message: number
  readonly dateMs: number
}

/** Columns of `length` messages over one piece of memory. */
export class Entries {
  readonly length: number
  readonly octets: Uint8Array
  readonly modSeq: Float64Array
  readonly message: Float64Array
  readonly dateMs: Float64Array
  readonly uid: Uint32Array
  readonly flags: Uint32Array
  readonly size: Uint32Array

  /** @param octets a whole number of entries; copied only when it lies at an odd place in memory */
  constructor(octets: Uint8Array) {
    const n = octets.byteLength / ENTRY_OCTETS
    if (!Number.isInteger(n)) throw new RangeError(`A mailbox page of ${octets.byteLength} octets`)
    const aligned = octets.byteOffset % 8 === 0 ? octets : octets.slice()
    const memory = aligned.buffer
    const at = aligned.byteOffset
    this.length = n
    this.octets = aligned
    this.modSeq = new Float64Array(memory, at, n)
    this.message = new Float64Array(memory, at + 8 * n, n)
    this.dateMs = new Float64Array(memory, at + 16 * n, n)
    this.uid = new Uint32Array(memory, at + 24 * n, n)
    this.flags = new Uint32Array(memory, at + 28 * n, n)
    this.size = new Uint32Array(memory, at + 32 * n, n)
  }

  /** Room for `n` entries, all zero. */
  static ofLength(n: number): Entries {
    return new Entries(new Uint8Array(n * ENTRY_OCTETS))
  }

  set(i: number, entry: Entry): void {
    this.modSeq[i] = entry.modSeq
    this.message[i] = entry.message
    this.dateMs[i] = entry.dateMs
    this.uid[i] = entry.uid
    this.flags[i] = entry.flags
    this.size[i] = entry.sizeOctets
  }

  at(i: number): Entry {
    return {
      uid: this.uid[i] ?? 0,
      flags: this.flags[i] ?? 0,
      sizeOctets: this.size[i] ?? 0,
      modSeq: this.modSeq[i] ?? 0,
      message: this.message[i] ?? 0,
      dateMs: this.dateMs[i] ?? 0,
    }
  }

  /** Copies `from`'s entries `start` … `end` (exclusive) to `at` of this. */
  copy(at: number, from: Entries, start = 0, end = from.length): void {
    this.modSeq.set(from.modSeq.subarray(start, end), at)
    this.message.set(from.message.subarray(start, end), at)
    this.dateMs.set(from.dateMs.subarray(start, end), at)
    this.uid.set(from.uid.subarray(start, end), at)
    this.flags.set(from.flags.subarray(start, end), at)
    this.size.set(from.size.subarray(start, end), at)
  }

  /** The entries at these places, in this order. */
  pick(places: ArrayLike<number>): Entries {
    const picked = Entries.ofLength(places.length)
    for (let i = 0; i < places.length; i++) picked.copyOne(i, this, places[i] ?? 0)
    return picked
  }

  /** The first of `length` entries whose UID is at least `uid`; `length` when there is none. UIDs ascend. */
  lowerBound(uid: number, length = this.length): number {
    return lowerBound(this.uid, uid, length)
  }

  copyOne(at: number, from: Entries, i: number): void {
    this.modSeq[at] = from.modSeq[i] ?? 0
    this.message[at] = from.message[i] ?? 0
    this.dateMs[at] = from.dateMs[i] ?? 0
    this.uid[at] = from.uid[i] ?? 0
    this.flags[at] = from.flags[i] ?? 0
    this.size[at] = from.size[i] ?? 0
  }
}

/** The first place among `length` ascending numbers that holds at least `wanted`; `length` when there is none. */
export function lowerBound(numbers: ArrayLike<number>, wanted: number, length = numbers.length): number {
  let low = 0
  let high = length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((numbers[middle] ?? 0) < wanted) low = middle + 1
    else high = middle
  }
  return low
}

/** Several pieces as one. */
export function joinEntries(pieces: readonly Entries[]): Entries {
  const joined = Entries.ofLength(pieces.reduce((n, piece) => n + piece.length, 0))
  let at = 0
  for (const piece of pieces) {
    joined.copy(at, piece)
    at += piece.length
  }
  return joined
}
