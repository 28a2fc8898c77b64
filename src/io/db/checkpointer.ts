/**
 * Checkpoints: what is in the WAL goes into the database file, in upkeep and never in a client's time. A passive one each
 * second takes no lock that writers wait for; a long WAL is started anew under the write turn, and a row of our own is the first in
 * it, so that the fsync of its header is nobody else's.
 */
import { publish } from '../../base/mod.ts'
import type { SqliteDb } from './database.ts'

const EVERY_MS = 1000
const RESTART_ABOVE_OCTETS = 16 * 1024 * 1024
const FULL_ABOVE_OCTETS = 512 * 1024 * 1024

export interface CheckpointSettings {
  readonly everyMs?: number
  /** A WAL above this is started anew. */
  readonly restartAboveOctets?: number
  /** Above this intake says 452 (`Db.walFull`). */
  readonly fullAboveOctets?: number
}

/** A checkpoint failed (no room, I/O); the WAL keeps all, and it is tried again. */
export interface CheckpointFailed {
  readonly event: 'db.checkpoint-failed'
  readonly error: unknown
}

export class Checkpointer {
  readonly #db: SqliteDb
  readonly #everyMs: number
  readonly #restartAbove: number
  readonly #fullAbove: number
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  #started = false
  #seenCommits = -1

  constructor(db: SqliteDb, settings: CheckpointSettings = {}) {
    this.#db = db
    this.#everyMs = settings.everyMs ?? EVERY_MS
    this.#restartAbove = settings.restartAboveOctets ?? RESTART_ABOVE_OCTETS
    this.#fullAbove = settings.fullAboveOctets ?? FULL_ABOVE_OCTETS
  }

  start(): void {
    if (this.#started) return
    this.#started = true
    this.#arm()
  }

  async stop(): Promise<void> {
    this.#started = false
    clearTimeout(this.#timer)
    await this.#running
  }

  /** One look: checkpoints what there is, starts a long WAL anew, says whether it is too long. Never throws. */
  async pass(): Promise<void> {
    try {
      await this.#checkpoint()
    } catch (error) {
      publish<CheckpointFailed>({ event: 'db.checkpoint-failed', error })
    }
  }

  async #checkpoint(): Promise<void> {
    const commits = this.#db.commits
    if (commits === this.#seenCommits) return
    let wal = this.#db.checkpoint()
    if (wal.octets > this.#restartAbove && (await this.#db.restartWal())) wal = this.#db.checkpoint()
    this.#db.setWalFull(wal.octets > this.#fullAbove)
    // A reader kept some of it back: look again even when nobody commits.
    if (wal.whole) this.#seenCommits = commits
  }

  #arm(): void {
    this.#timer = setTimeout(() => {
      this.#running = this.pass().then(() => {
        if (this.#started) this.#arm()
      })
    }, this.#everyMs)
    this.#timer.unref()
  }
}
