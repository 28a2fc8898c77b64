/**
 * What the threads of one server know of the database together, in one shared block: the write turn, how often was
 * committed and synced, and two warnings. Made once by main, handed to every thread.
 */

/** Most threads that may share a block. */
export const MAX_THREADS = 64

/** Cells of the block, 32 bits each. */
export const CELL = {
  /** Next ticket to draw; ticket being served (turn.ts). */
  next: 0,
  serving: 1,
  /** Commits of all threads. */
  commits: 2,
  /** Passes of the sync line. */
  syncs: 3,
  /** 1: the WAL is above its limit; 1: nothing durable can be written any more. */
  walFull: 4,
  readOnly: 5,
  /** For each thread its ticket + 1, 0 for none drawn. */
  drawn: 16,
} as const

export function sharedBlock(): SharedArrayBuffer {
  return new SharedArrayBuffer((CELL.drawn + MAX_THREADS) * 4)
}
