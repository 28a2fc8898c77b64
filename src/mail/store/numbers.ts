/**
 * A session's sequence numbers over the rows of a view. The view keeps rows of expunged messages until every session
 * was told; a session counts the rows up to its limit, without those that are gone for it.
 */
import { lowerBound } from './entries.ts'

const NONE = new Int32Array(0)

export class Numbers {
  /** Rows from this place on are new to the session. */
  readonly limit: number
  /** Places below `limit` that are gone for the session, ascending. */
  readonly gone: Int32Array

  constructor(limit: number, gone: Int32Array = NONE) {
    this.limit = limit
    const inside = lowerBound(gone, limit)
    this.gone = inside === gone.length ? gone : gone.subarray(0, inside)
  }

  get count(): number {
    return this.limit - this.gone.length
  }

  /** The place of a sequence number; -1 outside 1 … count. */
  placeOf(seq: number): number {
    if (!(seq >= 1 && seq <= this.limit - this.gone.length)) return -1
    const { gone } = this
    if (gone.length === 0) return seq - 1
    // The number of gone places k before the answer: the least with gone[k] - k > seq - 1.
    let low = 0
    let high = gone.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((gone[middle] ?? 0) - middle > seq - 1) high = middle
      else low = middle + 1
    }
    return seq - 1 + low
  }

  /** The sequence number of a place that is not gone; of one that is, the number of the next one. */
  seqAt(place: number): number {
    return place + 1 - lowerBound(this.gone, place)
  }

  isGone(place: number): boolean {
    return this.gone.length > 0 && this.gone[lowerBound(this.gone, place)] === place
  }
}
