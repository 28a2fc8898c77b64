/**
 * The record of paths: what was decided about real mail, kept for some days so that `postigo why` can tell. One file a day
 * and thread, one JSON object a line: {"at": ms, …event}. Content never enters it.
 */
import { closeSync, mkdirSync, openSync, readdirSync, statSync, unlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { listen, type PostigoEvent } from '#src/base/mod.ts'
import type { Rooms } from '../server/rooms.ts'

export interface PathRecord {
  close(): void
}

export interface RecorderOptions {
  /** Made when the first line comes. */
  readonly dir: string
  /** Tells the files of several threads apart. */
  readonly thread: number
  readonly now: () => number
  /** How long a day's file is kept; 0: nothing is recorded. */
  readonly lifetimeMs: number
  /** All files together; the oldest go first. */
  readonly limitOctets: number
}

/** Events that tell a story: a verdict, a plan, and what came of it. */
const RECORDED: ReadonlySet<string> = new Set([
  'policy.verdict',
  'intake.planned',
  'intake.deposited',
  'intake.forwarded',
  'intake.refused',
  'intake.discarded',
  'intake.failed',
  'smtpd.reject',
  'queue.result',
  'queue.removed',
])

/** Characters that wait for the turn to end. */
const WAITING_LIMIT = 1024 * 1024
const DAY_MS = 86_400_000

/** `2026-11-24`, UTC. */
const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10)

/** The record of one thread's rooms, as main.cf says. */
export function recordPaths(
  { current, paths, clock }: Pick<Rooms, 'current' | 'paths' | 'clock'>,
  thread: number,
): PathRecord {
  const { path_record_lifetime: lifetimeMs, path_record_size_limit: limitOctets } = current.cf
  return startRecorder({ dir: paths.record, thread, now: () => clock.now(), lifetimeMs, limitOctets })
}

export function startRecorder(options: RecorderOptions): PathRecord {
  if (options.lifetimeMs === 0) return { close() {} }
  const file = new DayFile(options)
  const stop = listen((event) => {
    if (RECORDED.has(event.event)) file.add(event)
  })
  return {
    close() {
      stop()
      file.close()
    },
  }
}

class DayFile {
  readonly #options: RecorderOptions
  #day = ''
  #fd: number | undefined
  #waiting = ''

  constructor(options: RecorderOptions) {
    this.#options = options
  }

  add(event: PostigoEvent): void {
    if (this.#waiting === '') setImmediate(() => this.#flush())
    this.#waiting += `${JSON.stringify({ at: this.#options.now(), ...event })}\n`
    if (this.#waiting.length > WAITING_LIMIT) this.#flush()
  }

  close(): void {
    this.#flush()
    if (this.#fd !== undefined) closeSync(this.#fd)
    this.#fd = undefined
  }

  /** A disk that is full must not stop the mail: the lines are lost. */
  #flush(): void {
    const octets = Buffer.from(this.#waiting)
    this.#waiting = ''
    if (octets.length === 0) return
    try {
      const fd = this.#open()
      for (let at = 0; at < octets.length;) at += writeSync(fd, octets, at)
    } catch {
      // ENOSPC and its kin; the log of mail tells of it by itself
    }
  }

  #open(): number {
    const { dir, thread, now } = this.#options
    const day = dayOf(now())
    if (this.#fd !== undefined && day === this.#day) return this.#fd
    if (this.#fd !== undefined) closeSync(this.#fd)
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    tidy(this.#options)
    this.#day = day
    this.#fd = openSync(join(dir, `${day}.${thread}.jsonl`), 'a', 0o600)
    return this.#fd
  }
}

interface Kept {
  readonly path: string
  readonly day: string
  readonly octets: number
}

/** The files of a record, the youngest first. */
export function recordFiles(dir: string): Kept[] {
  return namesIn(dir)
    .filter((name) => /^\d{4}-\d\d-\d\d\.\d+\.jsonl$/.test(name))
    .map((name) => join(dir, name))
    .flatMap((path) => {
      const size = statSync(path, { throwIfNoEntry: false })?.size
      return size === undefined ? [] : [{ path, day: path.slice(dir.length + 1, dir.length + 11), octets: size }]
    })
    .toSorted((a, b) => (a.path < b.path ? 1 : -1))
}

function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir)
  } catch {
    return []
  }
}

/** Removes what is too old, and the oldest of what is too much. Done at the day's first line, by each thread. */
function tidy({ dir, now, lifetimeMs, limitOctets }: RecorderOptions): void {
  const oldest = dayOf(now() - lifetimeMs - DAY_MS)
  let sum = 0
  for (const { path, day, octets } of recordFiles(dir)) {
    sum += octets
    if (day > oldest && sum <= limitOctets) continue
    try {
      unlinkSync(path)
    } catch {
      // another thread was quicker
    }
  }
}
