/**
 * The thread of one snapshot. A read transaction holds the moment, so that what is written meanwhile does not make SQLite begin anew;
 * as long as it lasts the WAL cannot be started anew either, so a WAL that grows too long ends it.
 */
import { closeSync, fdatasyncSync, fsyncSync, openSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { backup, DatabaseSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import { SNAPSHOT_CELL } from './snapshot.ts'

export interface SnapshotData {
  readonly from: string
  readonly to: string
  readonly cells: SharedArrayBuffer
}

export type FromSnapshot =
  | { readonly say: 'made'; readonly octets: number }
  | { readonly say: 'failed'; readonly text: string }

/** Pages of a step: 1 MiB, a few milliseconds. */
const STEP_PAGES = 256
/** Between two steps the disk is the others'. */
const PAUSE_MS = 2
/** So many steps are brought to the disk at a time: one long sync at the end would hold up those of the log. */
const STEPS_A_SYNC = 16
/** Half of what makes intake say 452. */
const WAL_LIMIT = 256 * 1024 * 1024

const port = parentPort
if (port === null) throw new Error('snapshot-thread.ts runs as a worker only')
const { from, to, cells: memory } = workerData as SnapshotData // snapshot.ts hands over nothing else
const cells = new Int32Array(memory)
const partial = `${to}.partial`

let answer: FromSnapshot
try {
  answer = { say: 'made', octets: await make() }
} catch (error) {
  for (const end of ['', '-journal', '-wal', '-shm']) rmSync(partial + end, { force: true })
  answer = { say: 'failed', text: error instanceof Error ? error.message : String(error) }
}
port.postMessage(answer)

async function make(): Promise<number> {
  rmSync(partial, { force: true })
  const fd = openSync(partial, 'wx+', 0o600)
  try {
    await copy(fd)
    lookThrough()
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  renameSync(partial, to)
  const dir = openSync(dirname(to), 'r')
  fsyncSync(dir)
  closeSync(dir)
  return statSync(to).size
}

async function copy(fd: number): Promise<void> {
  const source = new DatabaseSync(from, { readOnly: true, timeout: 1000 })
  try {
    source.exec('BEGIN')
    source.prepare('SELECT count(*) FROM sqlite_schema').get() // the moment is now
    let steps = 0
    const progress = ({ totalPages, remainingPages }: { totalPages: number; remainingPages: number }): void => {
      cells[SNAPSHOT_CELL.total] = totalPages
      cells[SNAPSHOT_CELL.done] = totalPages - remainingPages
      stopIfAsked()
      if ((statSync(`${from}-wal`, { throwIfNoEntry: false })?.size ?? 0) > WAL_LIMIT)
        throw new Error('so much was written meanwhile that the write-ahead log grew too long')
      if (++steps % STEPS_A_SYNC === 0) fdatasyncSync(fd)
      Atomics.wait(cells, SNAPSHOT_CELL.pause, 0, PAUSE_MS)
    }
    await backup(source, partial, { rate: STEP_PAGES, progress })
    cells[SNAPSHOT_CELL.done] = cells[SNAPSHOT_CELL.total] ?? 0 // the last step has no progress
  } finally {
    source.close()
  }
}

/** A single file in the end, without a WAL beside it. */
function lookThrough(): void {
  const db = new DatabaseSync(partial)
  try {
    db.exec('PRAGMA journal_mode = DELETE; PRAGMA cache_size = -8192; PRAGMA temp_store = memory')
    const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").all()
    for (const { name } of tables) {
      stopIfAsked()
      const found = db.prepare(`PRAGMA integrity_check("${String(name).replaceAll('"', '""')}")`).get()
      const said = String(found?.['integrity_check'])
      if (said !== 'ok') throw new Error(`the database is damaged (${said}); \`postigo verify\` says more`)
    }
  } finally {
    db.close()
  }
}

function stopIfAsked(): void {
  if (Atomics.load(cells, SNAPSHOT_CELL.stop) === 1) throw new Error('it was stopped')
}
