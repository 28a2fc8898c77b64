/** A segment's file as recovery and compaction see it: whole records one after the other. */
import { crc32 } from 'node:zlib'
import type { FileSystem } from './file-system.ts'
import {
  readRecordHeader,
  readSegmentHeader,
  RECORD_HEADER,
  RECORD_MARK,
  type RecordHeader,
  recordLength,
  SEGMENT_HEADER,
} from './format.ts'
import { READ_LIMIT } from './reader.ts'

export interface FoundRecord {
  readonly header: RecordHeader
  readonly at: number
  readonly end: number
}

export class Records {
  readonly #fs: FileSystem
  readonly #fd: number

  /** @param readOnly for who only looks: `cut` throws */
  constructor(fs: FileSystem, path: string, readOnly = false) {
    this.#fs = fs
    this.#fd = readOnly ? fs.openRead(path) : fs.openWrite(path)
  }

  get size(): number {
    return this.#fs.size(this.#fd)
  }

  /** The file says of itself that it is this segment. */
  isSegment(number: number): boolean {
    const header = Buffer.alloc(SEGMENT_HEADER)
    return this.#fs.read(this.#fd, header, 0) === SEGMENT_HEADER && readSegmentHeader(header) === number
  }

  /**
   * The first whole record from `at` on. A torn write is none; where at least its header is right, what comes after it is looked
   * at too, for octets of one sync reach the disk in any order.
   */
  next(at: number): FoundRecord | undefined {
    const { size } = this
    for (;;) {
      const header = this.#headerAt(at)
      if (header === undefined) return undefined
      const end = at + recordLength(header)
      if (end > size) return undefined
      if (this.#isWhole(header, at)) return { header, at, end }
      at = end
    }
  }

  /** The record whose header stands at `at`, its octets unread; undefined where none stands. */
  header(at: number): FoundRecord | undefined {
    const header = this.#headerAt(at)
    return header && { header, at, end: at + recordLength(header) }
  }

  /** The same, and whether its octets are those that were written. */
  look(at: number): (FoundRecord & { readonly isWhole: boolean }) | undefined {
    const found = this.header(at)
    return found && { ...found, isWhole: found.end <= this.size && this.#isWhole(found.header, at) }
  }

  /** The first place from `from` on, and before `until`, where a record's header stands. */
  find(from: number, until: number): number | undefined {
    const piece = Buffer.alloc(Math.min(READ_LIMIT, Math.max(0, until - from)))
    for (let at = from; at < until; at += READ_LIMIT - RECORD_MARK.length) {
      const got = this.#fs.read(this.#fd, piece, at)
      const octets = piece.subarray(0, Math.min(got, until - at))
      for (let i = octets.indexOf(RECORD_MARK); i >= 0; i = octets.indexOf(RECORD_MARK, i + 1))
        if (this.#headerAt(at + i) !== undefined) return at + i
    }
    return undefined
  }

  facts({ header, at }: FoundRecord): Buffer {
    const facts = Buffer.alloc(header.factsLength)
    this.#fs.read(this.#fd, facts, at + RECORD_HEADER + header.contentLength)
    return facts
  }

  /** Octets `from`…`to` of a record's content, at most 1 MiB. */
  content({ header, at }: FoundRecord, from: number, to: number): Buffer {
    const end = Math.min(to, header.contentLength, from + READ_LIMIT)
    const into = Buffer.alloc(Math.max(0, end - from))
    this.#fs.read(this.#fd, into, at + RECORD_HEADER + from)
    return into
  }

  /** Durable when it returns. */
  cut(at: number): void {
    this.#fs.truncate(this.#fd, at)
    this.#fs.dataSyncNow(this.#fd)
  }

  close(): void {
    this.#fs.close(this.#fd)
  }

  #headerAt(at: number): RecordHeader | undefined {
    const octets = Buffer.alloc(RECORD_HEADER)
    return this.#fs.read(this.#fd, octets, at) < RECORD_HEADER ? undefined : readRecordHeader(octets)
  }

  #isWhole(header: RecordHeader, at: number): boolean {
    const contentAt = at + RECORD_HEADER
    const { contentLength, contentCrc, factsLength, factsCrc } = header
    return (
      this.#sum(contentAt, contentLength) === contentCrc &&
      this.#sum(contentAt + contentLength, factsLength) === factsCrc
    )
  }

  #sum(at: number, length: number): number | undefined {
    let sum = 0
    for (let from = 0; from < length; from += READ_LIMIT) {
      const piece = Buffer.alloc(Math.min(READ_LIMIT, length - from))
      if (this.#fs.read(this.#fd, piece, at + from) < piece.length) return undefined
      sum = crc32(piece, sum)
    }
    return sum
  }
}
