/**
 * One target under mutated inputs. Three things are wrong: an error that is not the parser's own, more than 50 ms of CPU for
 * a KiB, and memory that stays. An input that led to an answer of a new form is mutated further.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { collectGarbage } from '../support/garbage.ts'
import { Random } from '../support/random.ts'
import { mutate } from './mutate.ts'
import type { Reading, Target } from './target.ts'

/** CPU that a KiB may take, and any input. */
const MS_A_KIB = 50
/** What is over the limit is read again: the collector and the compiler take their time too. */
const AGAIN = 3
/** Octets of inputs that are kept for their answers. */
const KEPT_LIMIT = 8 * 1024 * 1024
/** Inputs between two looks at the memory, and what may stay of them. */
const LOOK_EVERY = 5000
const STAYS_LIMIT = 64 * 1024 * 1024
const LOOKS = 5
const SWEEP_MS = 100

export interface Finding {
  readonly target: string
  readonly what: string
  readonly input: Buffer
}

/** The whole corpus is read in any case. */
export interface Bounds {
  readonly seed: number
  readonly inputs: number
  /** By the clock, or of this thread's CPU: what else the machine does then counts for nothing. */
  readonly ms: number
  readonly of?: 'cpu'
}

export interface Watcher {
  /** The input that is read next. */
  readonly begin?: (input: Buffer) => void
  readonly found: (finding: Finding) => void
}

/** Answers how many inputs were read. */
export async function fuzz(target: Target, bounds: Bounds, watcher: Watcher): Promise<number> {
  const reading = await target.open()
  const now = bounds.of === 'cpu' ? cpuMs : () => performance.now()
  const end = now() + bounds.ms
  const random = new Random(bounds.seed)
  const kept = [...target.corpus]
  const forms = new Set<string>()
  let keptOctets = 0
  let heap = 0
  let count = 0
  try {
    for (; count < target.corpus.length || (count < bounds.inputs && now() < end); count++) {
      const base = kept[count] ?? kept[random.below(kept.length)] ?? Buffer.alloc(0)
      const input = count < target.corpus.length ? base : mutate(base, random, { corpus: kept, words: target.words })
      watcher.begin?.(input)
      const outcome = await tried(target, reading, input)
      if (outcome.problem !== undefined) watcher.found({ target: target.name, what: outcome.problem, input })
      else if (!forms.has(outcome.form) && keptOctets + input.length <= KEPT_LIMIT) {
        forms.add(outcome.form)
        kept.push(Buffer.from(input)) // what it is a view of goes
        keptOctets += input.length
      }
      if (count % LOOK_EVERY !== LOOK_EVERY - 1) continue
      const held = await used(heap + STAYS_LIMIT)
      if (heap > 0 && held > heap + STAYS_LIMIT)
        watcher.found({ target: target.name, what: `${held - heap} octets stay`, input })
      heap = held
    }
  } finally {
    await reading.close?.()
  }
  return count
}

/** What is wrong with the reading of one input; undefined: nothing. */
export async function check(target: Target, input: Buffer): Promise<string | undefined> {
  const reading = await target.open()
  try {
    return (await tried(target, reading, input)).problem
  } finally {
    await reading.close?.()
  }
}

interface Outcome {
  readonly problem?: string
  readonly form: string
}

async function tried(target: Target, reading: Reading, input: Buffer): Promise<Outcome> {
  const limitMs = MS_A_KIB * Math.max(1, input.length / 1024)
  let least = Infinity
  let form = ''
  for (let n = 0; n < AGAIN && least > limitMs; n++) {
    const before = cpuMs()
    try {
      form = formOf(await reading.read(input))
    } catch (error) {
      if (!(error instanceof Error) || !target.errors.some((one) => error instanceof one))
        return { problem: told(error), form }
      form = error.message.replace(/\d+|".*"/gs, '').slice(0, 80)
    }
    least = Math.min(least, cpuMs() - before)
  }
  if (least <= limitMs) return { form }
  return { problem: `${least.toFixed()} ms of CPU for ${input.length} octets`, form }
}

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

function told(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

const FORM_DEPTH = 4

/** The shape of an answer: kinds and names, no numbers and texts but short ones in the place of words. */
function formOf(value: unknown, depth = FORM_DEPTH): string {
  if (typeof value === 'string') return depth < FORM_DEPTH && /^[a-z-]{1,16}$/i.test(value) ? value : 's'
  if (typeof value === 'number') return value < 4 ? String(value) : 'n'
  if (typeof value !== 'object' || value === null) return typeof value
  if (depth === 0) return '…'
  if (Buffer.isBuffer(value)) return `b${Math.min(3, value.length)}`
  if (Array.isArray(value)) return `[${[...new Set(value.slice(0, 16).map((one) => formOf(one, depth - 1)))].join()}]`
  const entries = value instanceof Map ? [...value] : Object.entries(value)
  return `{${entries
    .slice(0, 24)
    .map(([name, one]) => `${String(name).slice(0, 24)}:${formOf(one, depth - 1)}`)
    .join()}}`
}

/** Octets that are held. What buffers leave is swept beside the thread: where it is more than `most` there is another look. */
async function used(most: number): Promise<number> {
  for (let look = 1; ; look++) {
    collectGarbage()
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    if (heapUsed + arrayBuffers <= most || look === LOOKS) return heapUsed + arrayBuffers
    await sleep(SWEEP_MS)
  }
}
