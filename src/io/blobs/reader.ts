/** Reads slices by position, through a bounded number of open files. */
import type { Position } from './contract.ts'
import { GoneError } from './errors.ts'
import type { FileSystem } from './file-system.ts'
import { segmentPath } from './segments.ts'

/** Files kept open a thread. */
const OPEN_FILES = 64
/** Most octets a call gives. */
export const READ_LIMIT = 1024 * 1024

export class SegmentReader {
  readonly #fs: FileSystem
  readonly #dir: string
  /** In order of last use. */
  readonly #open = new Map<number, number>()

  constructor(fs: FileSystem, dir: string) {
    this.#fs = fs
    this.#dir = dir
  }

  read(at: Position, from: number, to: number): Buffer {
    const end = Math.min(to, at.length, from + READ_LIMIT)
    if (from >= end) return Buffer.alloc(0)
    const into = Buffer.allocUnsafe(end - from)
    const got = this.#fs.read(this.#file(at.segment), into, at.offset + from)
    if (got < into.length) throw new GoneError(`segment ${at.segment} ends before octet ${at.offset + end}`)
    return into
  }

  close(): void {
    for (const fd of this.#open.values()) this.#fs.close(fd)
    this.#open.clear()
  }

  #file(segment: number): number {
    let fd = this.#open.get(segment)
    if (fd === undefined) {
      if (this.#open.size >= OPEN_FILES) this.#closeOldest()
      fd = this.#openFile(segment)
    } else {
      this.#open.delete(segment)
    }
    this.#open.set(segment, fd)
    return fd
  }

  #openFile(segment: number): number {
    try {
      return this.#fs.openRead(segmentPath(this.#dir, segment))
    } catch (error) {
      // All that the file system throws has a code; only a file that is not there means that content has moved.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      throw new GoneError(`segment ${segment} is no longer there`, { cause: error })
    }
  }

  #closeOldest(): void {
    const [oldest] = this.#open
    if (oldest === undefined) return
    this.#open.delete(oldest[0])
    this.#fs.close(oldest[1])
  }
}
