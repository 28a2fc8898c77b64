/**
 * How the last run of the server on this database ended (rule 5 of the log). The database knows the boot it was used in,
 * whether it was left in order, and which file it is: a copy is another file.
 */
import { readFileSync, statSync } from 'node:fs'
import { uptime } from 'node:os'
import type { Reader, Tx } from './contract.ts'
import type { SqliteDb } from './database.ts'

export interface LastRun {
  /** `killed`: within this boot, so nothing that was committed is lost. `power-cut`: the last commits may be. */
  readonly ended: 'first' | 'clean' | 'killed' | 'power-cut'
  /** This boot and these very files: what lies beyond a watermark was never acknowledged. */
  readonly sameBoot: boolean
}

/** How the run before this one ended. To be asked before `beginRun`. */
export function lastRun(db: SqliteDb, bootId: string = currentBootId()): LastRun {
  const boot = get(db.read, 'boot')
  if (boot === undefined) return { ended: 'first', sameBoot: false }
  const sameBoot = boot === bootId && get(db.read, 'file') === fileIdentity(db.path)
  if (get(db.read, 'clean') === '1') return { ended: 'clean', sameBoot }
  return { ended: sameBoot ? 'killed' : 'power-cut', sameBoot }
}

/**
 * The run begins: durable when it resolves. To be called when recovery is done whole, and before anything is accepted: a
 * start that is stopped in between is recovered once more as of the run before.
 */
export async function beginRun(db: SqliteDb, bootId: string = currentBootId()): Promise<void> {
  await db.write((tx) => {
    set(tx, 'boot', bootId)
    set(tx, 'file', fileIdentity(db.path))
    set(tx, 'clean', '0')
  })
  await db.syncWal()
}

/** The database is of an earlier time than what others were told of it: the next start takes it as after a power cut. */
export function becameOlder(tx: Tx): void {
  set(tx, 'boot', 'of an earlier time')
  set(tx, 'clean', '0')
}

/** The run ends in order: everything is sealed and no other thread writes any more. */
export async function endRun(db: SqliteDb): Promise<void> {
  await db.syncWal()
  await db.write((tx) => set(tx, 'clean', '1'))
  await db.syncWal()
}

/** Changes with every start of the machine. */
export function currentBootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
  } catch {
    // No Linux: the minute of the start. Should it be reckoned otherwise once, the log is taken in rather than cut: no loss.
    return `minute-${Math.round((Date.now() / 1000 - uptime()) / 60)}`
  }
}

/** What a copy does not share. stat only: an open descriptor of the file would cost SQLite its locks (wal-file.ts). */
function fileIdentity(path: string): string {
  if (path === ':memory:') return path
  const { dev, ino, birthtimeNs } = statSync(path, { bigint: true })
  return `${dev}:${ino}:${birthtimeNs}`
}

function get(reader: Reader, key: string): string | undefined {
  const value = reader.sql('SELECT value FROM server_state WHERE key = ?').get(key)?.[0]
  return value === undefined ? undefined : String(value)
}

function set(tx: Tx, key: string, value: string): void {
  tx.sql('INSERT OR REPLACE INTO server_state VALUES (?, ?)').run(key, value)
}
