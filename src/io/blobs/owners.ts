/** Rooms whose rows point into the log, as upkeep asks them. */
import type { Reader, Tx } from '../db/mod.ts'
import type { Position } from './contract.ts'

/** A port: the store and the queue implement it, main plugs it. */
export interface ContentOwner {
  /**
   * Positions that its rows have in a segment, from `fromOffset` on, by offset, at most `limit`; the same position once is
   * enough. Wants an index on the segment.
   */
  positions(reader: Reader, segment: number, fromOffset: number, limit: number): readonly Position[]
  /** Rows that stand at `from` stand at `to` from now on, with retainContent and releaseContent. None there: nothing. */
  move(tx: Tx, from: Position, to: Position): void
}

/** Whether rows still refer to a segment, whatever the count says. */
export function isReferred(owners: readonly ContentOwner[], reader: Reader, segment: number): boolean {
  return owners.some((owner) => owner.positions(reader, segment, 0, 1).length > 0)
}
