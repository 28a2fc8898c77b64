/**
 * A backup under way holds the log's segments: a file beside its snapshot, younger than a few minutes, says so. It outlives the server, which
 * may be started anew meanwhile, and a backup that was killed is forgotten by itself.
 */
import { lutimesSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A hold that was not renewed for so long is nobody's. */
export const HOLD_MS = 600_000
/** Who holds renews it so often. */
export const RENEW_EVERY_MS = 30_000

const HOLD_NAME = /^backup-[0-9a-f]{32}\.hold$/
/** All that belongs to one. */
const OWN_NAME = /^backup-[0-9a-f]{32}\./

export const BACKUP_ID = /^[0-9a-f]{32}$/

export function holdPath(snapshots: string, id: string): string {
  return join(snapshots, `backup-${id}.hold`)
}

/** The snapshot that the backup is made from. */
export function snapshotPath(snapshots: string, id: string): string {
  return join(snapshots, `backup-${id}.db`)
}

export function hold(snapshots: string, id: string): void {
  writeFileSync(holdPath(snapshots, id), '', { mode: 0o600, flag: 'wx' })
}

/** Throws ENOENT when the hold is gone. */
export function renewHold(snapshots: string, id: string): void {
  const now = Date.now() / 1000
  lutimesSync(holdPath(snapshots, id), now, now)
}

export function letGo(snapshots: string, id: string): void {
  for (const path of [snapshotPath(snapshots, id), `${snapshotPath(snapshots, id)}.partial`, holdPath(snapshots, id)])
    rmSync(path, { force: true })
}

export function isHeld(snapshots: string, nowMs: number): boolean {
  return idsIn(snapshots).some((id) => !isStale(snapshots, id, nowMs))
}

/** What backups that were killed left; a snapshot may have been ended just when its hold went, so that nobody's name is on it. */
export function sweepHolds(snapshots: string, nowMs: number): void {
  for (const id of idsIn(snapshots)) if (isStale(snapshots, id, nowMs)) letGo(snapshots, id)
  const names = namesIn(snapshots)
  const held = new Set(idsIn(snapshots)) // looked at after them: a hold is there before its snapshot
  for (const name of names)
    if (OWN_NAME.test(name) && !held.has(name.slice(7, 39))) rmSync(join(snapshots, name), { force: true })
}

function idsIn(snapshots: string): string[] {
  return namesIn(snapshots)
    .filter((name) => HOLD_NAME.test(name))
    .map((name) => name.slice(7, 39))
}

function namesIn(snapshots: string): string[] {
  try {
    return readdirSync(snapshots)
  } catch {
    return [] // there are none yet
  }
}

function isStale(snapshots: string, id: string, nowMs: number): boolean {
  const stat = statSync(holdPath(snapshots, id), { throwIfNoEntry: false })
  return stat === undefined || nowMs - stat.mtimeMs > HOLD_MS
}
