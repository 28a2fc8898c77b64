/**
 * The daily snapshot of the database, `<data>/snapshots/mail-YYYYMMDD.db`: what `postigo repair` starts from when a page is damaged.
 * One a day by UTC, made a minute after the first look of that day; the last `snapshot_keep` are kept.
 */
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Clock, publish } from '#src/base/mod.ts'
import { type SnapshotRun, startSnapshot } from '../../io/db/mod.ts'
import { sweepHolds } from '../backup/holds.ts'
import type { DataPaths } from './data-dir.ts'

const LOOK_EVERY_MS = 60_000
/** Where a snapshot failed (no room, say), the next is tried so much later. */
const AGAIN_MS = 3_600_000
const SNAPSHOT_NAME = /^mail-\d{8}\.db$/

export interface SnapshotStatus {
  /** The last one that is there. */
  readonly file?: string
  readonly octets?: number
  readonly madeMs?: number
  /** Of the one that is being made, from 0 to 1. */
  readonly progress?: number
  /** Why the last attempt came to nothing. */
  readonly failed?: string
}

export interface SnapshotParts {
  readonly paths: Pick<DataPaths, 'database' | 'snapshots'>
  readonly clock: Clock
  readonly keep: () => number
  readonly start?: typeof startSnapshot
}

export class Snapshots {
  readonly #parts: SnapshotParts
  #timer: NodeJS.Timeout | undefined
  #run: SnapshotRun | undefined
  #running: Promise<void> | undefined
  #failed: string | undefined
  #notBefore = Number.NEGATIVE_INFINITY

  constructor(parts: SnapshotParts) {
    this.#parts = parts
  }

  start(): void {
    this.#timer = setInterval(() => void this.look(), LOOK_EVERY_MS)
    this.#timer.unref()
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#run?.stop()
    await this.#running
  }

  /** Makes today's where there is none. Never rejects: what fails is told, and tried again. */
  look(): Promise<void> {
    const { clock, keep, paths } = this.#parts
    sweepHolds(paths.snapshots, clock.now())
    if (keep() === 0 || clock.monotonic() < this.#notBefore) return this.#running ?? Promise.resolve()
    const name = `mail-${new Date(clock.now()).toISOString().slice(0, 10).replaceAll('-', '')}.db`
    if (namesIn(paths.snapshots).includes(name)) return Promise.resolve()
    this.#running ??= this.#make(name).finally(() => (this.#running = undefined))
    return this.#running
  }

  status(): SnapshotStatus {
    const { snapshots } = this.#parts.paths
    const file = namesIn(snapshots).at(-1)
    const there = file === undefined ? undefined : statSync(join(snapshots, file), { throwIfNoEntry: false })
    const { done, total } = this.#run?.progress() ?? { done: 0, total: 0 }
    return {
      ...(file !== undefined && there !== undefined && { file, octets: there.size, madeMs: there.mtimeMs }),
      ...(this.#run !== undefined && { progress: total === 0 ? 0 : done / total }),
      ...(this.#failed !== undefined && { failed: this.#failed }),
    }
  }

  async #make(name: string): Promise<void> {
    const { paths, keep, clock, start = startSnapshot } = this.#parts
    try {
      mkdirSync(paths.snapshots, { recursive: true, mode: 0o700 })
      sweep(paths.snapshots)
      this.#run = start(paths.database, join(paths.snapshots, name))
      await this.#run.made
      this.#failed = undefined
      for (const old of namesIn(paths.snapshots).slice(0, -keep())) rmSync(join(paths.snapshots, old), { force: true })
    } catch (error) {
      this.#failed = error instanceof Error ? error.message : String(error)
      this.#notBefore = clock.monotonic() + AGAIN_MS
      publish({ event: 'upkeep.snapshot-failed', text: `no snapshot of the database was made: ${this.#failed}` })
    } finally {
      this.#run = undefined
    }
  }
}

/** The daily ones, the oldest first. */
function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir)
      .filter((name) => SNAPSHOT_NAME.test(name))
      .toSorted()
  } catch {
    return [] // there are none yet
  }
}

/** What a kill left of one that was being made. */
function sweep(dir: string): void {
  for (const name of readdirSync(dir))
    if (/^mail-\d{8}\.db\.partial/.test(name)) rmSync(join(dir, name), { force: true })
}
