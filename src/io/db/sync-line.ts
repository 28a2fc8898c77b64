/**
 * The sync line (rule 6 of the log): while there are commits, the WAL is made durable every 100 ms, so that a power cut
 * takes back no more than that, and the margins of UIDs and MODSEQ hold. One a server, in upkeep.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { publish } from '../../base/mod.ts'
import type { SqliteDb } from './database.ts'
import { CELL } from './shared.ts'

const SYNC_EVERY_MS = 100

/** The disk refused to make the WAL durable; the server is read-only from here on. */
export interface SyncFailed {
  readonly event: 'db.sync-failed'
  readonly error: unknown
}

export class SyncLine {
  readonly #db: SqliteDb
  readonly #everyMs: number
  readonly #cells: Int32Array
  #stopping: AbortController | undefined
  #running: Promise<void> | undefined

  constructor(db: SqliteDb, settings: { readonly everyMs?: number } = {}) {
    this.#db = db
    this.#everyMs = settings.everyMs ?? SYNC_EVERY_MS
    this.#cells = new Int32Array(db.memory)
  }

  start(): void {
    this.#stopping = new AbortController()
    this.#running ??= this.#run(this.#stopping.signal)
  }

  /** Ends with one more pass, so that all is durable. */
  async stop(): Promise<void> {
    this.#stopping?.abort()
    Atomics.notify(this.#cells, CELL.commits)
    await this.#running
    this.#running = undefined
    if (!this.#db.readOnly) await this.#pass()
  }

  async #run(signal: AbortSignal): Promise<void> {
    let synced = Atomics.load(this.#cells, CELL.commits)
    // A restart in the same block may find commits that the stopped line did not see any more.
    await this.#pass()
    while (!signal.aborted && !this.#db.readOnly) {
      const wait = Atomics.waitAsync(this.#cells, CELL.commits, synced)
      if (wait.async) await wait.value
      if (signal.aborted) return
      await sleep(this.#everyMs, undefined, { signal }).catch(() => undefined) // stopped: the last pass is stop's
      if (signal.aborted) return
      synced = Atomics.load(this.#cells, CELL.commits)
      await this.#pass()
    }
  }

  async #pass(): Promise<void> {
    try {
      await this.#db.syncWal()
      Atomics.add(this.#cells, CELL.syncs, 1)
      Atomics.notify(this.#cells, CELL.syncs)
    } catch (error) {
      // After a failed sync the kernel calls the pages clean: a later one would succeed and mean nothing.
      this.#db.turnReadOnly()
      publish<SyncFailed>({ event: 'db.sync-failed', error })
    }
  }
}
