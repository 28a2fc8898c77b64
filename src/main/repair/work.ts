/**
 * Where a repair works, and how its database takes the damaged one's place: prepared beside it, named ready, then put there by one
 * rename. A repair that was stopped before `ready` begins anew; one that was stopped after it ends what it was at.
 */
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { type DataPaths, repairReady } from '../server/data-dir.ts'

export interface RepairWork {
  readonly dir: string
  /** The database that is put together. */
  readonly target: string
  readonly ready: string
}

interface Ready {
  readonly kept: string
  /** Which file the damaged database is; null: there was none. */
  readonly damaged: string | null
}

export function repairWork(paths: DataPaths): RepairWork {
  const ready = repairReady(paths)
  const dir = dirname(ready)
  return { dir, target: join(dir, 'mail.db'), ready }
}

/** Empty, for the owner alone. */
export function beginWork(work: RepairWork): void {
  rmSync(work.dir, { recursive: true, force: true })
  mkdirSync(work.dir, { mode: 0o700 })
}

export function endWork({ dir }: RepairWork): void {
  rmSync(dir, { recursive: true, force: true })
}

/** Says that the target is whole, durably. It must be closed. Answers where the damaged database will be kept. */
export function markReady({ database }: DataPaths, work: RepairWork, nowMs: number): string {
  const stamp = new Date(nowMs).toISOString().replace(/[-:]|\.\d+/g, '')
  const kept = `${database}.damaged-${stamp}`
  chmodSync(work.target, 0o600)
  sync(work.target)
  const ready: Ready = { kept, damaged: identityOf(database) }
  writeFileSync(`${work.ready}.new`, JSON.stringify(ready), { mode: 0o600 })
  sync(`${work.ready}.new`)
  renameSync(`${work.ready}.new`, work.ready)
  sync(work.dir)
  return kept
}

/**
 * The damaged database is kept under another name, its WAL with it, and the new one takes its place. May be called again after
 * any stop. undefined: nothing is ready, or mail.db is another by now and the work is of no use.
 */
export function finishWork({ dir, database }: DataPaths, work: RepairWork): string | undefined {
  if (!existsSync(work.ready)) return undefined
  const { kept, damaged } = JSON.parse(readFileSync(work.ready, 'utf8')) as Ready // only markReady writes it
  if (existsSync(work.target)) {
    if (identityOf(database) !== damaged) {
      endWork(work)
      return undefined
    }
    if (damaged !== null && !existsSync(kept)) linkSync(database, kept)
    if (existsSync(`${database}-wal`)) renameSync(`${database}-wal`, `${kept}-wal`)
    rmSync(`${database}-shm`, { force: true })
    for (const path of [kept, `${kept}-wal`]) if (existsSync(path)) chmodSync(path, 0o600)
    sync(dir)
    renameSync(work.target, database)
    sync(dir)
  }
  endWork(work)
  return kept
}

function identityOf(path: string): string | null {
  const found = statSync(path, { throwIfNoEntry: false, bigint: true })
  return found === undefined ? null : `${found.dev}:${found.ino}:${found.size}:${found.mtimeNs}`
}

function sync(path: string): void {
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** The newest first. */
export function snapshotsOf({ dir }: Pick<DataPaths, 'dir'>, names: readonly string[]): string[] {
  return names
    .filter((name) => /^mail-\d{8}\.db$/.test(name))
    .toSorted()
    .toReversed()
    .map((name) => join(dir, 'snapshots', name))
}

/** Octets that must be free: the target, its WAL, and what it grows by. */
export function roomWanted({ database }: DataPaths, snapshot: string | undefined): number {
  const sizes = [database, snapshot].map((path) =>
    path === undefined ? 0 : (statSync(path, { throwIfNoEntry: false })?.size ?? 0),
  )
  return 2 * Math.max(...sizes) + 64 * 1024 * 1024
}
