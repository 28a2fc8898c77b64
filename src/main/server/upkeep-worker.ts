/** The upkeep thread as main sees it: started, told of changed settings, started again when it dies, stopped. */
import { Worker } from 'node:worker_threads'
import { publish } from '#src/base/mod.ts'
import { MAX_THREADS, type WriteTurn } from '../../io/db/mod.ts'
import type { StoreSettings } from '../../mail/store/mod.ts'
import type { FromUpkeep, ToUpkeep, UpkeepData } from './upkeep-thread.ts'

/** The last number: fronts count from the first on. */
export const UPKEEP_THREAD = MAX_THREADS - 1

/** One that keeps dying is not started again at once. */
const RESTART_AFTER_MS = 1000
/** A stop that takes longer is a defect: the thread is ended, and the next start finds what it left, as after a kill. */
const STOP_LIMIT_MS = 10_000

/** Whoever does upkeep: the thread, or main itself. */
export interface UpkeepRunner {
  start(): void
  apply(settings: StoreSettings): void
  stop(): Promise<void>
}

export class UpkeepWorker implements UpkeepRunner {
  readonly #turn: WriteTurn
  #data: UpkeepData
  #worker: Worker | undefined
  #restart: NodeJS.Timeout | undefined
  #stopping = false

  /** @param turn main's own, to bury the thread's when it dies */
  constructor(data: Omit<UpkeepData, 'thread' | 'turn'>, turn: WriteTurn) {
    this.#data = { ...data, turn: turn.memory, thread: UPKEEP_THREAD }
    this.#turn = turn
  }

  start(): void {
    const worker = new Worker(new URL('./upkeep-thread.ts', import.meta.url), {
      workerData: this.#data,
      stdout: false,
      stderr: false,
    })
    this.#worker = worker
    worker.on('message', (message: FromUpkeep) => {
      if (message.say === 'event') publish(message.event)
    })
    worker.on('error', (error: Error) =>
      publish({ event: 'main.thread-died', text: `upkeep thread died: ${error.stack ?? error.message}` }),
    )
    worker.on('exit', () => void this.#died(worker))
  }

  apply(settings: StoreSettings): void {
    this.#data = { ...this.#data, settings }
    this.#worker?.postMessage({ ask: 'apply', settings } satisfies ToUpkeep)
  }

  async stop(): Promise<void> {
    this.#stopping = true
    clearTimeout(this.#restart)
    const worker = this.#worker
    if (worker === undefined) return
    const { promise, resolve } = Promise.withResolvers<void>()
    worker.on('exit', () => resolve())
    const limit = setTimeout(() => void worker.terminate(), STOP_LIMIT_MS)
    worker.postMessage({ ask: 'stop' } satisfies ToUpkeep)
    await promise
    clearTimeout(limit)
    await this.#turn.bury(UPKEEP_THREAD) // nothing, where it ended by itself
  }

  async #died(worker: Worker): Promise<void> {
    if (this.#worker !== worker) return
    this.#worker = undefined
    if (this.#stopping) return
    await this.#turn.bury(UPKEEP_THREAD)
    this.#restart = setTimeout(() => this.start(), RESTART_AFTER_MS)
  }
}
