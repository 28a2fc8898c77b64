/**
 * Upkeep: what is done beside the mail. It has a thread of its own where there are threads (upkeep-thread.ts), else it is main's,
 * and each step is short.
 */
import { dirname, join } from 'node:path'
import { type Clock, publish } from '#src/base/mod.ts'
import { compactSegments, reapDeadSegments, type SegmentLog } from '../../io/blobs/mod.ts'
import { Checkpointer, type SqliteDb, SyncLine } from '../../io/db/mod.ts'
import { queueContent } from '../../mail/queue/mod.ts'
import { contentReader, storeContent, type StoreSettings, StoreUpkeep } from '../../mail/store/mod.ts'
import { isHeld } from '../backup/holds.ts'

/** What was expunged is let go, and what nothing refers to is removed, this often. */
const TIDY_EVERY_MS = 60_000
/** Whether there is something new for the search index is looked at this often. */
const LOOK_EVERY_MS = 1000
/** While mail comes in without a pause, the index waits no longer than so many looks. */
const LOOKS_BEHIND = 10

/** Whoever has rows that point into the log. */
const OWNERS = [storeContent, queueContent]

export interface UpkeepParts {
  readonly db: SqliteDb
  readonly log: SegmentLog
  readonly clock: Clock
  /** Where the log's segments are. */
  readonly dir: string
  readonly settings: StoreSettings
}

export class Upkeep {
  readonly #parts: UpkeepParts
  readonly #checkpointer: Checkpointer
  readonly #syncLine: SyncLine
  readonly #stopping = new AbortController()
  #store: StoreUpkeep
  #timers: readonly NodeJS.Timeout[] = []
  /** One piece of work at a time. */
  #running: Promise<void> | undefined
  #seenCommits = -1
  #behind = 0

  constructor(parts: UpkeepParts) {
    this.#parts = parts
    this.#checkpointer = new Checkpointer(parts.db)
    this.#syncLine = new SyncLine(parts.db)
    this.#store = this.#storeUpkeep(parts.settings)
  }

  /** Takes up changed settings, for what begins from here on. */
  apply(settings: StoreSettings): void {
    this.#store = this.#storeUpkeep(settings)
  }

  start(): void {
    this.#checkpointer.start()
    this.#syncLine.start()
    this.#timers = [
      setInterval(() => this.#work(() => this.tidy()), TIDY_EVERY_MS),
      setInterval(() => this.#work(() => this.#index()), LOOK_EVERY_MS),
    ]
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    this.#stopping.abort()
    await this.#running
    await this.#checkpointer.stop()
    await this.#syncLine.stop()
  }

  /** Lets go what was expunged, removes segments that nothing refers to, and empties those that little refers to. */
  async tidy(): Promise<void> {
    const { db, log, dir, clock } = this.#parts
    const { signal } = this.#stopping
    try {
      await this.#store.run(signal)
      // First what died since the last time: content moved just now is read from its old place by those who looked before.
      const snapshots = join(dirname(db.path), 'snapshots')
      await reapDeadSegments({ db, dir, owners: OWNERS, isHeld: () => isHeld(snapshots, clock.now()) })
      await compactSegments({ db, log, dir, owners: OWNERS }, signal)
    } catch (error) {
      publish({ event: 'upkeep.failed', error })
    }
  }

  #work(work: () => Promise<void>): void {
    this.#running ??= work().finally(() => (this.#running = undefined))
  }

  /** The search index takes in what is new once nobody writes for a moment: clients come first. */
  async #index(): Promise<void> {
    const { db } = this.#parts
    try {
      if (!this.#store.index.isBehind) return
      const isQuiet = db.commits === this.#seenCommits
      this.#seenCommits = db.commits
      this.#behind++
      if (!isQuiet && this.#behind < LOOKS_BEHIND) return
      this.#behind = 0
      await this.#store.index.run(this.#stopping.signal)
    } catch (error) {
      publish({ event: 'upkeep.failed', error })
    }
  }

  #storeUpkeep(settings: StoreSettings): StoreUpkeep {
    const { db, clock, log } = this.#parts
    return new StoreUpkeep({ db, clock, settings, read: contentReader(db, log) })
  }
}
