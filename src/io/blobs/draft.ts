/**
 * Octets on their way into the log. Small ones wait in memory for their batch; large ones, and the largest when memory
 * is short, go to a file of their own that later becomes a segment.
 */
import { crc32 } from 'node:zlib'
import { newRecordId } from '#src/base/mod.ts'
import type { Draft } from './contract.ts'
import { asLogError } from './errors.ts'
import type { FileSystem } from './file-system.ts'
import { RECORD_HEADER, SEGMENT_HEADER } from './format.ts'

/** A draft larger than this always has a file of its own. */
export const SPOOL_FROM = 4 * 1024 * 1024
/** A spooled draft writes in pieces of this size. */
const SPOOL_PIECE = 256 * 1024
/** Where content begins in a spool file: what stands before is written last. */
export const SPOOL_CONTENT_AT = SEGMENT_HEADER + RECORD_HEADER

/** The memory that all drafts of a thread share. */
export class DraftMemory {
  readonly #limit: number
  #held = 0
  readonly #drafts = new Set<LogDraft>()

  constructor(limit: number) {
    this.#limit = limit
  }

  get heldOctets(): number {
    return this.#held
  }

  join(draft: LogDraft): void {
    this.#drafts.add(draft)
  }

  leave(draft: LogDraft): void {
    this.#drafts.delete(draft)
  }

  /** Counts octets; over the limit the largest drafts go to disk. */
  hold(octets: number): void {
    this.#held += octets
    while (this.#held > this.#limit) {
      let largest: LogDraft | undefined
      for (const draft of this.#drafts) if (draft.heldOctets > (largest?.heldOctets ?? 0)) largest = draft
      if (largest === undefined) return
      largest.spool()
    }
  }

  free(octets: number): void {
    this.#held -= octets
  }
}

export interface SpoolFiles {
  readonly fs: FileSystem
  readonly path: (id: Buffer) => string
}

export class LogDraft implements Draft {
  readonly id: Buffer
  readonly #memory: DraftMemory
  readonly #files: SpoolFiles
  #chunks: Buffer[] = []
  #held = 0
  #size = 0
  #crc = 0
  #fd: number | undefined
  #spooled = 0
  #closed = false

  constructor(memory: DraftMemory, files: SpoolFiles, nowMs: number, sizeHint: number) {
    this.id = newRecordId(nowMs)
    this.#memory = memory
    this.#files = files
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
  get chunks(): readonly Buffer[] {
    return this.#chunks
  }
  /** Its own file, when it has one. */
  get spoolFd(): number | undefined {
    return this.#fd
  }

  write(chunk: Buffer): void {
    if (this.#closed) throw new Error('The draft is closed')
    this.#chunks.push(chunk)
    this.#size += chunk.length
    this.#held += chunk.length
    this.#crc = crc32(chunk, this.#crc)
    this.#memory.hold(chunk.length)
    if (this.#fd !== undefined ? this.#held >= SPOOL_PIECE : this.#size >= SPOOL_FROM) this.spool()
  }

  /** Writes what is in memory to the draft's own file. */
  spool(): void {
    try {
      this.#fd ??= this.#files.fs.create(this.#files.path(this.id))
      if (this.#held > 0) this.#files.fs.write(this.#fd, this.#chunks, SPOOL_CONTENT_AT + this.#spooled)
    } catch (error) {
      this.discard()
      throw asLogError(error, 'spooling a message')
    }
    this.#spooled += this.#held
    this.#release()
  }

  read(from: number, to: number): Buffer {
    const end = Math.min(to, this.#size)
    if (from >= end) return Buffer.alloc(0)
    if (this.#fd === undefined) return Buffer.concat(this.#chunks).subarray(from, end)
    this.spool()
    const into = Buffer.allocUnsafe(end - from)
    this.#files.fs.read(this.#fd, into, SPOOL_CONTENT_AT + from)
    return into
  }

  /** The log has taken the octets over: memory is free again; a spool file has its place. */
  taken(): void {
    this.#closed = true
    this.#release()
    this.#memory.leave(this)
    if (this.#fd !== undefined) this.#files.fs.close(this.#fd)
    this.#fd = undefined
  }

  discard(): void {
    if (this.#closed) return
    const spooled = this.#fd !== undefined
    this.taken()
    if (spooled) this.#files.fs.unlink(this.#files.path(this.id))
  }

  #release(): void {
    this.#chunks = []
    this.#memory.free(this.#held)
    this.#held = 0
  }
}
