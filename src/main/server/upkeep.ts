/** Upkeep: what is done beside the mail. Here in the main thread: each step is short. */
import { publish } from '#src/base/mod.ts'
import { reapDeadSegments } from '../../io/blobs/mod.ts'
import { Checkpointer, SyncLine } from '../../io/db/mod.ts'
import { storeParams, StoreUpkeep } from '../../mail/store/mod.ts'
import type { Rooms } from './rooms.ts'

/** What was expunged is let go, and what nothing refers to is removed, this often. */
const TIDY_EVERY_MS = 60_000

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
    this.#store = new StoreUpkeep({ db, clock, settings: current.config.bind(storeParams) })
  }

  start(): void {
    this.#checkpointer.start()
    this.#syncLine.start()
    this.#timer = setInterval(() => {
      this.#running ??= this.#tidy().finally(() => (this.#running = undefined))
    }, TIDY_EVERY_MS)
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#stopping.abort()
    await this.#running
    await this.#checkpointer.stop()
    await this.#syncLine.stop()
  }

  async #tidy(): Promise<void> {
    const { db, paths } = this.#rooms
    try {
      await this.#store.run(this.#stopping.signal)
      await reapDeadSegments({ db, dir: paths.log })
    } catch (error) {
      publish({ event: 'upkeep.failed', error })
    }
  }
}
