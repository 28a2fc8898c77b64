/**
 * All of a generation becomes a data directory. The database comes last: a directory in which `restoring` lies is none yet, and the next
 * attempt begins anew.
 *
 * Clients know of UIDs that were given since. So numbers rise as after a power cut (rule 7 of the log), a margin for each day since.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { segmentPath } from '../../io/blobs/mod.ts'
import { becameOlder, ServerRunsError, takeServerLock } from '../../io/db/mod.ts'
import { holdAll } from '../../mail/queue/mod.ts'
import { afterPowerCut } from '../../mail/store/mod.ts'
import { ownerOf, type Rights, withRights } from '../folders/rights.ts'
import { actAsOwner, type DataPaths, makeDataDirectory, restoreBegun } from '../server/data-dir.ts'
import { openMailDatabase } from '../server/database.ts'
import { copyFrom, openFile, syncDirectory, type Tick } from './copy.ts'
import { BackupError, type Manifest, readManifest } from './manifest.ts'

const DAY_MS = 86_400_000
/** Older than that, UIDs that were given since are thought to have been fewer than a margin a day. */
const MARGIN_LIMIT = 1000
/** What a start makes before there are data. */
const NO_DATA = new Set(['compiled', 'snapshots', 'paths', 'restoring', 'server.lock', 'restore.lock'])

export interface RestoreAllJob {
  readonly dir: string
  readonly generation: string
  readonly paths: DataPaths
  readonly releaseQueue: boolean
  readonly nowMs: number
  readonly progress: (what: string, done: number, expected: number) => void
}

export interface RestoreAllReport {
  readonly manifest: Manifest
  /** Messages of the queue that are on hold. */
  readonly held: number
  /** credential.key was in the backup. */
  readonly hasKey: boolean
}

/** Throws BackupError; then what is there is no data directory. */
export async function restoreAll(job: RestoreAllJob): Promise<RestoreAllReport> {
  const { paths } = job
  const rights = rightsIn(paths.dir)
  const guard = join(paths.dir, 'restore.lock')
  const lock = withRights(rights, () => take(paths, guard))
  try {
    return await restoreWith(rights, job)
  } finally {
    withRights(rights, () => {
      lock.release()
      rmSync(guard, { force: true })
    })
  }
}

/** No server starts meanwhile, and no other restore. */
function take(paths: DataPaths, guard: string): ReturnType<typeof takeServerLock> {
  mkdirSync(dirname(paths.dir), { recursive: true, mode: 0o755 }) // as for all data
  mkdirSync(paths.dir, { recursive: true, mode: 0o700 })
  try {
    return takeServerLock(paths.dir, guard)
  } catch (error) {
    if (error instanceof ServerRunsError) throw new BackupError(`process ${error.pid} has ${paths.dir}: stop it first`)
    throw error
  }
}

async function restoreWith(rights: Rights, job: RestoreAllJob): Promise<RestoreAllReport> {
  const { dir, generation, paths } = job
  const manifest = readManifest(dir, generation)
  withRights(rights, () => prepare(paths))
  const at = join(dir, 'generations', generation)
  const all = [...manifest.files, ...manifest.segments].reduce((sum, { octets }) => sum + octets, 0)
  let done = 0
  const tick: Tick = (octets) => job.progress('KiB', Math.round((done += octets) / 1024), Math.round(all / 1024))
  for (const { number, file, octets, sha256 } of manifest.segments)
    put(join(dir, 'segments', file), segmentPath(paths.log, number), { octets, sha256 }, { rights, tick })
  for (const file of manifest.files)
    if (file.path.startsWith('secrets/'))
      put(join(at, file.path), join(paths.dir, file.path.slice(8)), file, { rights, tick })
  const database = manifest.files.find(({ path }) => path === 'mail.db')
  if (database === undefined) throw new BackupError('there is no mail.db in it')
  const fresh = join(paths.dir, 'restoring.db')
  put(join(at, 'mail.db'), fresh, database, { rights, tick })
  actAsOwner(paths) // all of the backup is read
  const held = await makeLater(fresh, job, manifest)
  renameSync(fresh, paths.database)
  for (const path of [paths.log, paths.dir, dirname(paths.dir)]) syncDirectory(path)
  rmSync(restoreBegun(paths))
  syncDirectory(paths.dir)
  return { manifest, held, hasKey: existsSync(paths.key) }
}

/** Whose the directory is, or will be: root writes there with their rights alone, so that no link of theirs leads it elsewhere. */
function rightsIn(path: string): Rights {
  const there = lstatSync(path, { throwIfNoEntry: false })
  if (there?.isSymbolicLink() === true) throw new BackupError(`${path} is a link`)
  return there === undefined ? rightsIn(dirname(path)) : ownerOf(path)
}

function prepare(paths: DataPaths): void {
  const isBegun = existsSync(restoreBegun(paths))
  const there = existsSync(paths.dir) ? readdirSync(paths.dir).filter((name) => !NO_DATA.has(name)) : []
  if (there.length > 0 && !isBegun)
    throw new BackupError(`${paths.dir} is not empty (${there.slice(0, 3).join(', ')}): put it aside first`)
  makeDataDirectory(paths)
  writeFileSync(restoreBegun(paths), '', { mode: 0o600, flush: true })
  for (const name of there) rmSync(join(paths.dir, name), { recursive: true, force: true })
  makeDataDirectory(paths)
  syncDirectory(paths.dir)
}

function putOpen(fd: number, to: string, octets: number, tick: Tick): string | undefined {
  mkdirSync(dirname(to), { recursive: true, mode: 0o700 })
  return copyFrom(fd, to, octets, 0o600, tick)
}

function put(
  from: string,
  to: string,
  wanted: { readonly octets: number; readonly sha256: string },
  { rights, tick }: { readonly rights: Rights; readonly tick: Tick },
): void {
  const fd = openFile(from)
  try {
    if (withRights(rights, () => putOpen(fd, to, wanted.octets, tick)) !== wanted.sha256)
      throw new BackupError(`${from} is damaged; \`postigo backup --verify\` says what else is`)
  } finally {
    closeSync(fd)
  }
}

/** @returns messages on hold */
async function makeLater(path: string, job: RestoreAllJob, { madeMs }: Manifest): Promise<number> {
  const db = openMailDatabase(path)
  let held = 0
  try {
    const days = Math.ceil((job.nowMs - madeMs) / DAY_MS)
    await db.write((tx) => {
      becameOlder(tx)
      afterPowerCut(tx, Math.min(MARGIN_LIMIT, Math.max(1, days)))
      if (!job.releaseQueue) held = holdAll(tx)
    })
    while (!db.checkpoint().whole) await new Promise(setImmediate)
  } finally {
    db.close() // the last connection: the WAL is emptied into the file, and goes
  }
  const fd = openSync(path, 'r')
  fsyncSync(fd)
  closeSync(fd)
  return held
}
