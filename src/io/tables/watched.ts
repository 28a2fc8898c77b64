/** Something read from files that may be replaced while the server runs. */
import { statSync } from 'node:fs'
import type { Clock } from '../../base/mod.ts'

/** Files are looked at once in this time, at most. */
const STAT_INTERVAL_MS = 1000

/** A file's identity: another one when it was rewritten or replaced, `''` when there is none. */
function identityOf(file: string): string {
  const s = statSync(file, { throwIfNoEntry: false })
  return s === undefined ? '' : `${s.dev}:${s.ino}:${s.mtimeMs}:${s.size}`
}

/** Keeps what `load` made of some files; loads anew when one of them changed. What `load` throws is thrown at each use. */
export class Watched<T> {
  readonly #files: readonly string[]
  readonly #load: () => T
  readonly #clock: Clock
  #value: T | undefined
  #loaded = false
  #identity = ''
  #lookedAt = -Infinity

  constructor(files: readonly string[], load: () => T, clock: Clock) {
    this.#files = files
    this.#load = load
    this.#clock = clock
  }

  get(): T {
    const now = this.#clock.monotonic()
    if (now - this.#lookedAt >= STAT_INTERVAL_MS) this.#look(now)
    if (!this.#loaded) {
      this.#value = this.#load()
      this.#loaded = true
    }
    return this.#value as T // loaded just now or before
  }

  /** A file that changes during `load` has another identity at the next look, and is loaded again. */
  #look(now: number): void {
    this.#lookedAt = now
    const identity = this.#files.map(safeIdentity).join('|')
    if (identity !== this.#identity) this.#loaded = false
    this.#identity = identity
  }
}

/** A directory that may not be searched counts as changed, so that `load` says what is wrong. */
function safeIdentity(file: string): string {
  try {
    return identityOf(file)
  } catch {
    return '?'
  }
}
