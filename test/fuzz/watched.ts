/** Fuzzes in a thread of its own, so that an input that never comes back, or takes all memory, is a finding and not the end. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Bounds, Finding } from './frame.ts'
import { INPUT_LIMIT } from './mutate.ts'

/** One input may take so long by the clock; a machine with other work to do is slow. */
const HANG_MS = 30_000
const LOOK_MS = 1000
const HEAP_MIB = 512

/** Octets in front of the input in shared memory: a counter, and the input's length. */
export const HEAD = 8

export interface WorkerWords extends Bounds {
  readonly target: string
  readonly shared: SharedArrayBuffer
}

export type FromWorker = { readonly what: string; readonly input: Uint8Array } | { readonly count: number }

/** Answers how many inputs were read. */
export async function fuzzWatched(target: string, bounds: Bounds, found: (finding: Finding) => void): Promise<number> {
  const shared = new SharedArrayBuffer(HEAD + INPUT_LIMIT)
  const state = new Int32Array(shared, 0, 2)
  const current = (): Buffer => Buffer.from(Buffer.from(shared, HEAD, Atomics.load(state, 1)))
  const words: WorkerWords = { target, ...bounds, shared }
  const worker = new Worker(new URL('worker.ts', import.meta.url), {
    workerData: words,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB },
  })
  let count: number | undefined
  worker.on('message', (message: FromWorker) => {
    if ('count' in message) count = message.count
    else found({ target, what: message.what, input: Buffer.from(message.input) })
  })
  worker.on('error', (error: Error) => found({ target, what: error.stack ?? error.message, input: current() }))
  const watch = watcher(state, () => {
    found({ target, what: `not back within ${HANG_MS} ms`, input: current() })
    void worker.terminate()
  })
  try {
    await once(worker, 'exit')
  } finally {
    clearInterval(watch)
  }
  return count ?? Atomics.load(state, 0)
}

/** Calls `hangs` once when the counter, which has begun, stands still for too long. */
function watcher(state: Int32Array, hangs: () => void): NodeJS.Timeout {
  let [seen, since] = [0, Date.now()]
  return setInterval(() => {
    const now = Atomics.load(state, 0)
    if (now !== seen || now === 0) [seen, since] = [now, Date.now()]
    else if (Date.now() - since > HANG_MS) {
      since = Infinity
      hangs()
    }
  }, LOOK_MS)
}
