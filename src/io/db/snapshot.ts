/**
 * A whole copy of the database while everybody writes: one moment of it, looked through by SQLite, durable under its name when done.
 * A thread of its own does it, for as long as it takes: nobody's event loop waits, and no writer does, since it only reads.
 */
import { statfsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { FromSnapshot, SnapshotData } from './snapshot-thread.ts'

/** What must stay free beside a snapshot. */
const SPARE_OCTETS = 64 * 1024 * 1024

/** In shared memory: whether to stop, pages copied, pages in all. */
export const SNAPSHOT_CELL = { stop: 0, done: 1, total: 2, pause: 3 } as const

/** There is no snapshot; the message says why. */
export class SnapshotError extends Error {}

export interface SnapshotRun {
  /** Octets of the snapshot. Rejects with SnapshotError, and then nothing is left. */
  readonly made: Promise<number>
  /** Pages of the database. */
  progress(): { readonly done: number; readonly total: number }
  /** Between two steps of some milliseconds; while SQLite looks a table through, after that. */
  stop(): void
}

/** @param from the database @param to a file that must not be there */
export function startSnapshot(from: string, to: string): SnapshotRun {
  const cells = new Int32Array(new SharedArrayBuffer(16))
  const made = isRoomFor(from, to).then(() => runThread({ from, to, cells: cells.buffer }))
  return {
    made,
    progress: () => ({ done: cells[SNAPSHOT_CELL.done] ?? 0, total: cells[SNAPSHOT_CELL.total] ?? 0 }),
    stop: () => void Atomics.store(cells, SNAPSHOT_CELL.stop, 1),
  }
}

// A promise, so that want of room is told as all that fails later is.
// oxlint-disable-next-line typescript/require-await
async function isRoomFor(from: string, to: string): Promise<void> {
  const { bavail, bsize } = statfsSync(dirname(to))
  const wanted = octetsOf(from) + octetsOf(`${from}-wal`) + SPARE_OCTETS
  if (bavail * bsize >= wanted) return
  const mib = (octets: number): number => Math.ceil(octets / 1024 ** 2)
  throw new SnapshotError(`no room: ${mib(wanted)} MiB are wanted and ${mib(bavail * bsize)} MiB are free`)
}

function octetsOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}

function runThread(data: SnapshotData): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const worker = new Worker(new URL('./snapshot-thread.ts', import.meta.url), {
    workerData: data,
    stdout: false,
    stderr: false,
  })
  worker.on('message', (message: FromSnapshot) => {
    if (message.say === 'made') resolve(message.octets)
    else reject(new SnapshotError(message.text))
  })
  worker.on('error', (error: Error) => reject(new SnapshotError(error.message, { cause: error })))
  worker.on('exit', () => reject(new SnapshotError('its thread ended'))) // nothing, where it has said what came of it
  return promise
}
