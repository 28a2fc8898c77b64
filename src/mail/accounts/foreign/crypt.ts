/** crypt(3) of the system's libcrypt, in a thread of its own: a costly hash must not hold up others. */
import { timingSafeEqual } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import { SaslUnavailable } from '../../../formats/sasl/mod.ts'

/** Hashes at a time in this thread's name: strangers choose when they are made. The rest wait, or are refused. */
const MOST_AT_ONCE = 2
const MOST_WAITING = 500
/** How long a hash may take. */
const TIME_LIMIT_MS = 20_000

/** Whether `password` has the hash `text`. Throws SaslUnavailable where there is no libcrypt, or it takes too long. */
export async function cryptMatches(text: string, password: Buffer): Promise<boolean> {
  if (password.includes(0)) return false // it takes C strings
  const made = Buffer.from(await inTurn(() => run(text, password)))
  const wanted = Buffer.from(text)
  return made.length === wanted.length && timingSafeEqual(made, wanted)
}

/** Who waits for a turn: a bound on the process, which no caller has a part in. */
const turns = { taken: 0, waiting: [] as (() => void)[] }

async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (turns.taken < MOST_AT_ONCE) turns.taken++
  else if (turns.waiting.length >= MOST_WAITING) throw new SaslUnavailable('crypt: too many log-ins at a time')
  else await new Promise<void>((done) => turns.waiting.push(done)) // takes over a turn
  try {
    return await work()
  } finally {
    const next = turns.waiting.shift()
    if (next === undefined) turns.taken--
    else next()
  }
}

function run(setting: string, password: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('crypt-worker.ts', import.meta.url), {
      workerData: { setting, password },
      execArgv: ['--disable-warning=ExperimentalWarning'],
    })
    const timer = setTimeout(() => done(new SaslUnavailable('crypt: the hash takes too long')), TIME_LIMIT_MS)
    const done = (outcome: string | Error): void => {
      clearTimeout(timer)
      void worker.terminate()
      if (typeof outcome === 'string') resolve(outcome)
      else reject(outcome)
    }
    worker.once('message', done)
    worker.once('error', (error) => done(new SaslUnavailable('crypt: no libcrypt on this machine', { cause: error })))
    worker.once('exit', () => done(new SaslUnavailable('crypt: no answer')))
  })
}
