/**
 * Octets on their way into the log. Small messages wait in memory for their batch; large ones, and the largest when memory is
 * short, go to a file of their own that later becomes a segment.
 */
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import type { Draft } from './contract.ts'
import { asLogError } from './errors.ts'
import type { FileSystem } from './file-system.ts'
import { RECORD_HEADER, SEGMENT_HEADER } from './format.ts'

/** A draft larger than this always has a file of its own. */
export const SPOOL_FROM = 4 * 1024 * 1024
/** A smaller one is not moved to disk as long as waiting helps. */
const SPOOL_LEAST = 64 * 1024
/** A spooled draft writes in pieces of this size. */
const SPOOL_PIECE = 256 * 1024
/** Where content begins in a spool file: what stands before is written last. */
export const SPOOL_CONTENT_AT = SEGMENT_HEADER + RECORD_HEADER
/** Most octets that a `read` gives. */
const READ_LIMIT = 1024 * 1024

const SPOOL_NAME = /^spool-[0-9a-f]{32}$/

/** Left behind by a process that was killed: never acknowledged, so it goes. */
export function isSpool(name: string): boolean {
  return SPOOL_NAME.test(name)
}

/**
 * The memory that all drafts of a thread share. When it is short, the largest draft goes to disk; but while others are being
 * committed, small ones rather wait for their memory: a file and a segment for each would make what is slow slower.
 */
export class DraftMemory {
  readonly #limit: number
  #held = 0
  /** Of that, held by what is being committed: it will be free without anybody's doing. */
  #claimed = 0
  /** Those that still take octets; what is being committed cannot be moved any more. */
  readonly #open = new Set<LogDraft>()
  #room: PromiseWithResolvers<void> | undefined

  constructor(limit: number) {
    this.#limit = limit
  }

  get heldOctets(): number {
    return this.#held
  }

  join(draft: LogDraft): void {
    this.#open.add(draft)
  }

  leave(draft: LogDraft): void {
    this.#open.delete(draft)
  }

  /** Counts octets. A promise: memory is short, wait before taking more. */
  hold(octets: number): void | Promise<void> {
    this.#held += octets
    return this.#relieve()
  }

  free(octets: number): void {
    this.#held -= octets
  }

  claim(draft: LogDraft): void {
    this.leave(draft)
    this.#claimed += draft.heldOctets
  }

  /** What was claimed is free; those who waited go on. */
  release(octets: number): void {
    this.#claimed -= octets
    this.#held -= octets
    if (this.#room === undefined || this.#relieve() !== undefined) return
    this.#room.resolve()
    this.#room = undefined
  }

  discardAll(): void {
    for (const draft of this.#open) draft.discard()
  }

  #relieve(): void | Promise<void> {
    while (this.#held > this.#limit) {
      const largest = this.#largest()
      const wait = largest === undefined || (largest.heldOctets < SPOOL_LEAST && this.#claimed > 0)
      if (wait) return (this.#room ??= Promise.withResolvers<void>()).promise
      largest.spool()
    }
  }

  #largest(): LogDraft | undefined {
    let largest: LogDraft | undefined
    for (const draft of this.#open) if (draft.heldOctets > (largest?.heldOctets ?? 0)) largest = draft
    return largest
  }
}

export class LogDraft implements Draft {
  readonly id: Buffer
  readonly #memory: DraftMemory
  readonly #fs: FileSystem
  readonly #dir: string
  /** `claimed`: the log has it, and octets neither come nor go any more. */
  #state: 'open' | 'claimed' | 'over' = 'open'
  /** Why it cannot be committed any more: its spool file could not be written. */
  #failure: Error | undefined
  #chunks: Buffer[] = []
  #held = 0
  #size = 0
  #crc = 0
  #fd: number | undefined
  #spooled = 0

  constructor(
    memory: DraftMemory,
    place: { readonly fs: FileSystem; readonly dir: string },
    id: Buffer,
    sizeHint: number,
  ) {
    this.id = id
    this.#memory = memory
    this.#fs = place.fs
    this.#dir = place.dir
    memory.join(this)
    if (sizeHint >= SPOOL_FROM) this.spool()
  }

  get size(): number {
    return this.#size
  }
  /** Octets in memory. */
  get heldOctets(): number {
    return this.#held
  }
  get contentCrc(): number {
    return this.#crc
  }
  /** What is in memory: all, unless it was spooled. */
  get chunks(): readonly Buffer[] {
    return this.#chunks
  }
  /** Its own file, when it has one. */
  get spoolFd(): number | undefined {
    return this.#fd
  }
  get spoolPath(): string {
    return join(this.#dir, `spool-${this.id.toString('hex')}`)
  }

  write(chunk: Buffer): void | Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#state !== 'open') throw new TypeError('The draft takes no more octets')
    this.#chunks.push(chunk)
    this.#size += chunk.length
    this.#held += chunk.length
    this.#crc = crc32(chunk, this.#crc)
    const wait = this.#memory.hold(chunk.length)
    if (this.#fd === undefined ? this.#size >= SPOOL_FROM : this.#held >= SPOOL_PIECE) this.spool()
    if (this.#failure !== undefined) throw this.#failure
    return wait
  }

  /** To the draft's own file with what is in memory. Never throws: what went wrong is its own writer's to hear. */
  spool(): void {
    if (this.#state !== 'open') return
    try {
      this.flush()
    } catch (error) {
      this.discard()
      this.#failure = asLogError(error, 'spooling a message')
    }
  }

  flush(): void {
    this.#fd ??= this.#fs.create(this.spoolPath)
    if (this.#held > 0) this.#fs.write(this.#fd, this.#chunks, SPOOL_CONTENT_AT + this.#spooled)
    this.#spooled += this.#held
    this.#freeMemory()
  }

  read(from: number, to: number): Buffer {
    const end = Math.min(to, this.#size, from + READ_LIMIT)
    const into = Buffer.allocUnsafe(Math.max(0, end - from))
    if (from < Math.min(end, this.#spooled)) this.#readSpooled(into, from)
    let start = this.#spooled
    for (const chunk of this.#chunks) {
      if (start >= end) break
      if (start + chunk.length > from)
        chunk.copy(into, Math.max(0, start - from), Math.max(0, from - start), end - start)
      start += chunk.length
    }
    return into
  }

  /** The log takes it: from here on it can be neither changed nor discarded by others. Throws what spooling failed of. */
  claim(): void {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#state !== 'open') throw new TypeError('The draft was committed or discarded already')
    this.#state = 'claimed'
    this.#memory.claim(this)
  }

  /** The log is done with it: memory is free, the file closed. */
  over(): void {
    this.#freeMemory()
    this.#state = 'over'
    this.#memory.leave(this)
    if (this.#fd !== undefined) this.#fs.close(this.#fd)
    this.#fd = undefined
  }

  discard(): void {
    if (this.#state === 'open') this.remove()
  }

  /** `over`, and its file goes. A file that cannot be removed now goes at the next start. */
  remove(): void {
    const hasFile = this.#fd !== undefined
    this.over()
    try {
      if (hasFile) this.#fs.unlink(this.spoolPath)
    } catch {
      // A spool file is never taken for a message.
    }
  }

  #readSpooled(into: Buffer, from: number): void {
    if (this.#fd === undefined) return
    const length = Math.min(into.length, this.#spooled - from)
    this.#fs.read(this.#fd, into.subarray(0, length), SPOOL_CONTENT_AT + from)
  }

  #freeMemory(): void {
    const held = this.#held
    this.#chunks = []
    this.#held = 0
    if (this.#state === 'claimed') this.#memory.release(held)
    else this.#memory.free(held)
  }
}
