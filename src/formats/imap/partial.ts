/** A window over results: `1:500` from the first on, `-1:-500` from the last one. RFC 9394 §4, RFC 5267 §4.4. */
import type { Cursor } from './cursor.ts'

export interface PartialRange {
  /** Places from 1 on, `from` not above `to`. */
  readonly from: number
  readonly to: number
  /** Counted from the end. */
  readonly fromEnd: boolean
  /** As the client wrote it; repeated in the answer. */
  readonly text: string
}

/** Both ends count the same way. */
export function takePartialRange(cursor: Cursor): PartialRange {
  const fromEnd = cursor.skip('-')
  const a = cursor.takeNzNumber()
  cursor.take(':')
  if (cursor.skip('-') !== fromEnd) throw cursor.bad('Both ends of the range count from the same end')
  const b = cursor.takeNzNumber()
  const sign = fromEnd ? '-' : ''
  return { from: Math.min(a, b), to: Math.max(a, b), fromEnd, text: `${sign}${a}:${sign}${b}` }
}

/** Those of `results` that are in the window, in their order. */
export function windowOf(results: readonly number[], { from, to, fromEnd }: PartialRange): readonly number[] {
  const n = results.length
  return fromEnd ? results.slice(Math.max(0, n - to), Math.max(0, n - from + 1)) : results.slice(from - 1, to)
}
