/**
 * The upkeep thread: a pair of connections and a log of its own, and nothing else of the program, so that it takes little memory.
 * What happens in it is told by the main thread.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { listen, type PostigoEvent, systemClock } from '#src/base/mod.ts'
import { SegmentLog } from '../../io/blobs/mod.ts'
import { openDatabase, WriteTurn } from '../../io/db/mod.ts'
import type { StoreSettings } from '../../mail/store/mod.ts'
import { Upkeep } from './upkeep.ts'

export interface UpkeepData {
  readonly database: string
  /** Where the log's segments are. */
  readonly dir: string
  readonly turn: SharedArrayBuffer
  readonly thread: number
  readonly settings: StoreSettings
}

export type ToUpkeep = { readonly ask: 'stop' } | { readonly ask: 'apply'; readonly settings: StoreSettings }

export type FromUpkeep =
  | { readonly say: 'ready' }
  | { readonly say: 'event'; readonly event: PostigoEvent }
  | { readonly say: 'stopped' }

/** Compaction holds one batch of records at a time. */
const MEMORY_LIMIT = 8 * 1024 * 1024

const port = parentPort
if (port === null) throw new Error('upkeep-thread.ts runs as a worker only')
const say = (message: FromUpkeep): void => port.postMessage(message)
const { database, dir, turn, thread, settings } = workerData as UpkeepData // upkeep-worker.ts hands over nothing else

const stopListening = listen((event) => say({ say: 'event', event }))
const clock = systemClock
const db = openDatabase({ path: database, schemas: [], turn: new WriteTurn(turn, thread), migrated: true })
const log = new SegmentLog({ dir, db, clock, memoryLimit: MEMORY_LIMIT })
const upkeep = new Upkeep({ db, log, clock, dir, settings })

port.on('message', (message: ToUpkeep) => {
  if (message.ask === 'apply') upkeep.apply(message.settings)
  else void stop()
})

async function stop(): Promise<void> {
  await upkeep.stop()
  await log.close()
  db.close()
  stopListening()
  say({ say: 'stopped' })
  port?.close()
}

upkeep.start()
say({ say: 'ready' })
