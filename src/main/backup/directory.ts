/** The directory that backups are kept in: made, locked for one at a time, and cleared of what no generation needs any more. */
import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { randomUUID } from 'node:crypto'
import { join, sep } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { isBusy } from '../../io/db/mod.ts'
import { syncDirectory } from './copy.ts'
import { BackupError, FORMAT, generationsIn, isBackup, MARKER, NEW, readManifest } from './manifest.ts'

/** Throws BackupError. @param data where the data lie, which is no place for it */
export function openDirectory(dir: string, data: string): { release(): void } {
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const real = `${realpathSync(dir)}${sep}`
  if (real.startsWith(`${realpathSync(data)}${sep}`)) throw new BackupError(`${dir} lies in the data directory itself`)
  refuseOthers(dir)
  if (!isBackup(dir)) {
    const others = readdirSync(dir).filter((name) => name !== 'lost+found')
    if (others.length > 0) throw new BackupError(`${dir} is not empty and no backup of Postigo`)
    writeFileSync(join(dir, MARKER), `postigo backup, format ${FORMAT}\nSee docs/backup.md.\n`, { mode: 0o600 })
  }
  chmodSync(dir, 0o700)
  for (const name of ['segments', 'generations']) {
    mkdirSync(join(dir, name), { recursive: true, mode: 0o700 })
    refuseOthers(join(dir, name))
  }
  return lock(dir)
}

/**
 * A directory of somebody else (one that they made in /tmp, say) gives them all mail and credential.key. Whose it has to be is seen by
 * a file made in it: on some file systems root is nobody.
 */
function refuseOthers(dir: string): void {
  const probe = join(dir, `.${randomUUID()}`)
  const fd = openSync(probe, 'wx', 0o600)
  const ours = fstatSync(fd).uid
  closeSync(fd)
  rmSync(probe)
  const { uid } = statSync(dir)
  if (uid !== ours) throw new BackupError(`${dir} belongs to somebody else (user id ${uid}), who could read it`)
}

/** SQLite's lock goes with the process that holds it. */
function lock(dir: string): { release(): void } {
  const path = join(dir, 'lock')
  closeSync(openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK, 0o600))
  const held = new DatabaseSync(path, { timeout: 0 })
  try {
    held.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    held.close()
    throw isBusy(error) ? new BackupError(`another backup into ${dir} is being made`) : error
  }
  return { release: () => held.close() }
}

export function startGeneration(dir: string): string {
  const at = join(dir, 'generations', NEW)
  rmSync(at, { recursive: true, force: true }) // of one that was killed
  mkdirSync(at, { mode: 0o700 })
  return at
}

/** Sums of the segments that lie there, from the manifests that can be read. */
export function knownSums(dir: string): Map<string, string> {
  const sums = new Map<string, string>()
  for (const generation of generationsIn(dir)) {
    for (const { file, sha256 } of manifestOf(dir, generation)?.segments ?? []) sums.set(file, sha256)
  }
  return sums
}

/**
 * Generations beyond the last `keep` that found nothing damaged go, and of those that found damage all but the last `keep`, for it may stay
 * for good; then the segments that nobody needs any more. Where a manifest cannot be read, no segment goes: it may need it.
 */
export function prune(dir: string, keep: number): string[] {
  const all = generationsIn(dir)
  const isWhole = (generation: string): boolean => manifestOf(dir, generation)?.problems.length === 0
  const whole = all.filter(isWhole)
  const others = all.filter((generation) => !whole.includes(generation))
  const oldest = whole.at(-keep) ?? ''
  const oldestDamaged = others.at(-keep) ?? ''
  const gone = all.filter(
    (generation) => generation < oldest || (generation < oldestDamaged && others.includes(generation)),
  )
  for (const generation of gone) rmSync(join(dir, 'generations', generation), { recursive: true, force: true })
  syncDirectory(join(dir, 'generations'))
  const needed = new Set<string>()
  for (const generation of generationsIn(dir)) {
    const manifest = manifestOf(dir, generation)
    if (manifest === undefined) return gone
    for (const { file } of manifest.segments) needed.add(file)
  }
  for (const name of readdirSync(join(dir, 'segments')))
    if (!needed.has(name)) rmSync(join(dir, 'segments', name), { force: true })
  return gone
}

function manifestOf(dir: string, generation: string): ReturnType<typeof readManifest> | undefined {
  try {
    return readManifest(dir, generation)
  } catch {
    return undefined
  }
}
