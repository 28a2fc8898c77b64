/** Rooms whose rows point into the log, as upkeep asks them. */
import type { Reader, Tx } from '../db/mod.ts'
import type { Position } from './contract.ts'

/** A port: the store and the queue implement it, main plugs it. */
export interface ContentOwner {
  /**
   * Positions that its rows have in a segment, from `fromOffset` on, by offset, at most `limit`. Wants an index on segment and
   * offset.
   */
  positions(reader: Reader, segment: number, fromOffset: number, limit: number): readonly Position[]
  /** The next segment above `after` that its rows refer to. */
  nextSegment(reader: Reader, after: number): number | undefined
  /** Rows that stand at `from` stand at `to` from now on. Answers how many; the log counts the references. */
  move(tx: Tx, from: Position, to: Position): number
}

/** Whether rows still refer to a segment, whatever the count says. */
export function isReferred(owners: readonly ContentOwner[], reader: Reader, segment: number): boolean {
  return owners.some((owner) => owner.positions(reader, segment, 0, 1).length > 0)
}

/** Positions of all owners in a segment from an offset on, each once, by offset, at most `limit`. */
export function referredPositions(
  owners: readonly ContentOwner[],
  reader: Reader,
  from: { readonly segment: number; readonly offset: number },
  limit: number,
): Position[] {
  const byOffset = new Map<number, Position>()
  for (const owner of owners) {
    for (const at of owner.positions(reader, from.segment, from.offset, limit)) byOffset.set(at.offset, at)
  }
  // Each owner was asked for `limit`: among the first `limit` of all none is missing.
  return [...byOffset.values()].toSorted((a, b) => a.offset - b.offset).slice(0, limit)
}

/** The owner of a table whose columns `segment`, `offset` and `length` are a position. @param table a name of ours, never input */
export function ownerOf(table: string): ContentOwner {
  const positions = `SELECT segment, offset, length FROM ${table} WHERE segment = ? AND offset >= ? ORDER BY offset LIMIT ?`
  const next = `SELECT segment FROM ${table} WHERE segment > ? ORDER BY segment LIMIT 1`
  const move = `UPDATE ${table} SET segment = ?, offset = ? WHERE segment = ? AND offset = ?`
  return {
    positions: (reader, segment, fromOffset, limit) =>
      reader
        .sql(positions)
        .all(segment, fromOffset, limit)
        .map(([at, offset, length]) => ({ segment: Number(at), offset: Number(offset), length: Number(length) })),
    nextSegment: (reader, after) => {
      const row = reader.sql(next).get(after)
      return row === undefined ? undefined : Number(row[0])
    },
    move: (tx, from, to) => tx.sql(move).run(to.segment, to.offset, from.segment, from.offset).changes,
  }
}
