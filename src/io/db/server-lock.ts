/**
 * Whether a server runs on a data directory: `server.lock` names its process. A process is itself only with its start
 * time, for numbers come round again. Two that start at once are kept apart by the database's own lock.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { currentBootId } from './run-state.ts'

const LOCK_FILE = 'server.lock'
/** Another start may hold the database this long while it looks at the lock file. */
const GUARD_LIMIT_MS = 5000

interface Holder {
  readonly pid: number
  readonly started: string
  readonly boot: string
}

/** Another process has the data directory. */
export class ServerRunsError extends Error {
  readonly pid: number
  constructor(pid: number) {
    super(`a server runs on this data directory already, process ${pid}`)
    this.pid = pid
  }
}

/** Held until `release`, or until the process ends. */
export interface ServerLock {
  release(): void
}

/** The process that runs a server on the directory, undefined for none. */
export function serverLockHolder(dataDir: string): number | undefined {
  const holder = readHolder(dataDir)
  return holder !== undefined && isAlive(holder) ? holder.pid : undefined
}

/**
 * Takes the directory for this process, also for a tool that opens the database itself.
 * @param databasePath the database of the directory; made when missing
 * @throws ServerRunsError
 */
export function takeServerLock(dataDir: string, databasePath: string): ServerLock {
  const guard = new DatabaseSync(databasePath, { timeout: GUARD_LIMIT_MS })
  try {
    guard.exec('BEGIN IMMEDIATE')
    const pid = serverLockHolder(dataDir)
    if (pid !== undefined) throw new ServerRunsError(pid)
    const path = join(dataDir, LOCK_FILE)
    const fresh = `${path}.${process.pid}`
    writeFileSync(fresh, `${process.pid} ${startTime(process.pid) ?? '-'} ${currentBootId()}\n`, { mode: 0o644 })
    renameSync(fresh, path)
    return { release: () => release(dataDir) }
  } finally {
    if (guard.isTransaction) guard.exec('ROLLBACK')
    guard.close()
  }
}

function release(dataDir: string): void {
  if (readHolder(dataDir)?.pid === process.pid) rmSync(join(dataDir, LOCK_FILE), { force: true })
}

function readHolder(dataDir: string): Holder | undefined {
  try {
    const [pid = '', started = '', boot = ''] = readFileSync(join(dataDir, LOCK_FILE), 'latin1').trim().split(' ')
    return /^[1-9]\d{0,9}$/.test(pid) ? { pid: Number(pid), started, boot } : undefined
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined // all that fs throws has a code
    throw error
  }
}

function isAlive({ pid, started, boot }: Holder): boolean {
  if (boot !== currentBootId()) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false // as above; EPERM: it is there, and another user's
  }
  const now = startTime(pid)
  return now === undefined || now === started
}

/** Field 22 of /proc/PID/stat, in ticks since the boot; undefined where it cannot be seen. proc(5). */
function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The second field is the program's name in parentheses, and may hold spaces and parentheses itself.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return undefined
  }
}
