/** Upkeep: what is done beside the mail. Here in the main thread: each step is short. */
import { publish } from '#src/base/mod.ts'
import { reapDeadSegments } from '../../io/blobs/mod.ts'
import { Checkpointer, SyncLine } from '../../io/db/mod.ts'
import type { Rooms } from './rooms.ts'

/** Segments that nothing refers to are looked for this often. */
const REAP_EVERY_MS = 60_000

export class Upkeep {
  readonly #rooms: Rooms
  readonly #checkpointer: Checkpointer
  readonly #syncLine: SyncLine
  #timer: NodeJS.Timeout | undefined

  constructor(rooms: Rooms) {
    this.#rooms = rooms
    this.#checkpointer = new Checkpointer(rooms.db)
    this.#syncLine = new SyncLine(rooms.db)
  }

  start(): void {
    this.#checkpointer.start()
    this.#syncLine.start()
    this.#timer = setInterval(() => this.#reap(), REAP_EVERY_MS)
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#checkpointer.stop()
    await this.#syncLine.stop()
  }

  #reap(): void {
    const { db, paths } = this.#rooms
    reapDeadSegments({ db, dir: paths.log }).catch((error: unknown) => publish({ event: 'upkeep.failed', error }))
  }
}
