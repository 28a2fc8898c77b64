/** Upkeep: what is done beside the mail. Here in the main thread: each step is short. */
import { publish } from '#src/base/mod.ts'
import { compactSegments, reapDeadSegments } from '../../io/blobs/mod.ts'
import { Checkpointer, SyncLine } from '../../io/db/mod.ts'
import { queueContent } from '../../mail/queue/mod.ts'
import { storeContent, storeParams, StoreUpkeep } from '../../mail/store/mod.ts'
import type { Rooms } from './rooms.ts'

/** What was expunged is let go, and what nothing refers to is removed, this often. */
const TIDY_EVERY_MS = 60_000

/** Whoever has rows that point into the log. */
const OWNERS = [storeContent, queueContent]

export class Upkeep {
  readonly #rooms: Rooms
  readonly #checkpointer: Checkpointer
  readonly #syncLine: SyncLine
  readonly #store: StoreUpkeep
  readonly #stopping = new AbortController()
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined

  constructor(rooms: Rooms) {
    this.#rooms = rooms
    this.#checkpointer = new Checkpointer(rooms.db)
    this.#syncLine = new SyncLine(rooms.db)
    const { db, clock, current } = rooms
    const { store } = current
    this.#store = new StoreUpkeep({
      db,
      clock,
      settings: current.config.bind(storeParams),
      read: store.read.bind(store),
    })
  }

  start(): void {
    this.#checkpointer.start()
    this.#syncLine.start()
    this.#timer = setInterval(() => {
      this.#running ??= this.tidy().finally(() => (this.#running = undefined))
    }, TIDY_EVERY_MS)
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#stopping.abort()
    await this.#running
    await this.#checkpointer.stop()
    await this.#syncLine.stop()
  }

  /** Lets go what was expunged, removes segments that nothing refers to, and empties those that little refers to. */
  async tidy(): Promise<void> {
    const { db, log, paths } = this.#rooms
    const { signal } = this.#stopping
    try {
      await this.#store.run(signal)
      // First what died since the last time: content moved just now is read from its old place by those who looked before.
      await reapDeadSegments({ db, dir: paths.log, owners: OWNERS })
      await compactSegments({ db, log, dir: paths.log, owners: OWNERS }, signal)
    } catch (error) {
      publish({ event: 'upkeep.failed', error })
    }
  }
}
