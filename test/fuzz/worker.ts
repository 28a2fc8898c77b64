/** The thread that fuzzes: what it is about to read stands in shared memory, for whoever finds that it does not come back. */
import { parentPort, workerData } from 'node:worker_threads'
import { fuzz } from './frame.ts'
import { INPUT_LIMIT } from './mutate.ts'
import { targets } from './targets/mod.ts'
import { type FromWorker, HEAD, type WorkerWords } from './watched.ts'

const { target: name, seed, inputs, ms, shared } = workerData as WorkerWords // watched.ts alone starts it
const target = targets.find((one) => one.name === name)
if (target === undefined) throw new Error(`no target ${name}`)

const state = new Int32Array(shared, 0, 2)
const place = Buffer.from(shared, HEAD, INPUT_LIMIT)
const tell = (message: FromWorker): void => parentPort?.postMessage(message)

const count = await fuzz(
  target,
  { seed, inputs, ms },
  {
    begin(input) {
      input.copy(place)
      Atomics.store(state, 1, Math.min(input.length, INPUT_LIMIT))
      Atomics.add(state, 0, 1)
    },
    found: ({ what, input }) => tell({ what, input }),
  },
)
tell({ count })
