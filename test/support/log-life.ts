/** One process's life on an UnsafeDisk: it ends after so many operations, and from then on nothing it does has an effect. */
import { existsSync, statSync } from 'node:fs'
import type { FileSystem, SegmentLog } from '#src/io/blobs/mod.ts'
import type { Db, Reader, SqliteDb, Tx } from '#src/io/db/mod.ts'
import type { Random } from './random.ts'
import type { UnsafeDisk } from './unsafe-disk.ts'

/** Thrown into whatever a process still does after its end. */
class ProcessEnded extends Error {}

export interface LifeSettings {
  /** Operations until the end; Infinity: it ends in order. */
  readonly steps: number
  readonly end: 'kill' | 'power-cut' | 'stop'
  readonly threads: number
}

/** A process's life on the disk. */
export class Life {
  readonly db: LifeDb
  readonly fs: FileSystem
  readonly logs: SegmentLog[] = []
  #steps: number
  readonly ended: Promise<void>
  #end: () => void = () => {}
  over = false

  constructor(disk: UnsafeDisk, db: SqliteDb, random: Random, settings: LifeSettings) {
    this.#steps = settings.steps
    this.ended = new Promise((resolve) => (this.#end = resolve))
    const step = (): void => this.step()
    this.fs = disk.mount(step)
    this.db = new LifeDb(db, random, step)
  }

  step(): void {
    this.look()
    if (this.over) throw new ProcessEnded('the process has ended')
  }

  /** A moment between two operations, where it may end without anything failing. */
  look(): void {
    if (!this.over && --this.#steps < 0) this.stop()
  }

  stop(): void {
    this.over = true
    this.db.freeze()
    this.#end()
  }
}

/** The database of a life: counts steps, fails by chance, and knows how much of the WAL is durable. */
export class LifeDb implements Db {
  readonly db: SqliteDb
  readonly #random: Random
  readonly #step: () => void
  failures = 0
  durableWal = 0
  /** The WAL's length when the process ended. */
  writtenWal: number | undefined

  constructor(db: SqliteDb, random: Random, step: () => void) {
    this.db = db
    this.#random = random
    this.#step = step
  }

  get read(): Reader {
    return this.db.read
  }
  get syncs(): number {
    return this.db.syncs
  }
  get walFull(): boolean {
    return this.db.walFull
  }
  get readOnly(): boolean {
    return this.db.readOnly
  }

  turnReadOnly(): void {
    this.db.turnReadOnly()
  }

  write<T>(work: (tx: Tx) => T): Promise<T> {
    return this.db.write((tx) => {
      this.#step()
      const result = work(tx)
      // As when the disk is full: SQLITE_FULL, 13.
      if (this.#random.chance(this.failures)) throw Object.assign(new Error('simulated'), { errcode: 13 })
      this.#step()
      return result
    })
  }

  afterCommit(tx: Tx, then: () => void): void {
    this.db.afterCommit(tx, then)
  }

  async syncWal(): Promise<void> {
    this.#step()
    const length = this.walLength()
    await new Promise(setImmediate)
    this.#step()
    this.durableWal = Math.max(this.durableWal, length)
  }

  freeze(): void {
    this.writtenWal ??= this.walLength()
  }

  walLength(): number {
    const path = `${this.db.path}-wal`
    return existsSync(path) ? statSync(path).size : 0
  }

  close(): void {}
}
