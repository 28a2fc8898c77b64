/**
 * The pages of a database that SQLite may refuse: of the file, and over them what was committed into its WAL. Nothing is written.
 * Format: sqlite.org/fileformat2.html §1.3 (header) and §4 (the write-ahead log).
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

const MAGIC = 'SQLite format 3\0'
/** SQLite's default, and ours: for a file whose header is gone. */
const DEFAULT_PAGE_SIZE = 4096
const WAL_HEADER = 32
const FRAME_HEADER = 24
/** The low bit says whether the sums are of big-endian words. */
const WAL_MAGIC = 0x377f0682
/** A file has no more pages than this (SQLITE_MAX_PAGE_COUNT), whatever damaged octets say. */
const PAGE_LIMIT = 0xffff_fffe

export class PageFile {
  readonly pageSize: number
  /** Octets of a page that hold cells. */
  readonly usable: number
  readonly pageCount: number
  /** The first 100 octets are a database's. */
  readonly hasHeader: boolean
  /** Octets of the WAL behind its last whole commit. */
  readonly walRest: number
  readonly #file: number
  readonly #wal: number | undefined
  /** Where the newest committed copy of a page lies in the WAL. */
  readonly #frames: ReadonlyMap<number, number>

  /** Throws what the file system throws. @param path of a database that nobody else of this process has open */
  constructor(path: string) {
    this.#file = openSync(path, 'r')
    this.#wal = openIfThere(`${path}-wal`)
    const header = readAt(this.#file, 0, 100)
    const { pageSize, frames, pages, rest } = this.#wal === undefined ? NO_WAL : readWal(this.#wal)
    this.#frames = frames
    this.walRest = rest
    const first = frames.get(1)
    const head = first === undefined || this.#wal === undefined ? header : readAt(this.#wal, first, 100)
    this.hasHeader = head.toString('latin1', 0, 16) === MAGIC && isPageSize(sizeOf(head))
    this.pageSize = this.hasHeader ? sizeOf(head) : (pageSize ?? DEFAULT_PAGE_SIZE)
    this.usable = this.pageSize - (this.hasHeader ? (head[20] ?? 0) : 0)
    const inFile = Math.ceil(fstatSync(this.#file).size / this.pageSize)
    this.pageCount = Math.min(PAGE_LIMIT, Math.max(inFile, pages))
  }

  /** undefined where there is none. Short ones are filled up with zeros. */
  page(number: number): Buffer | undefined {
    if (!(number >= 1 && number <= this.pageCount)) return undefined
    const at = this.#frames.get(number)
    if (at !== undefined && this.#wal !== undefined) return readAt(this.#wal, at, this.pageSize)
    return readAt(this.#file, (number - 1) * this.pageSize, this.pageSize)
  }

  close(): void {
    closeSync(this.#file)
    if (this.#wal !== undefined) closeSync(this.#wal)
  }
}

interface WalPages {
  readonly pageSize: number | undefined
  readonly frames: ReadonlyMap<number, number>
  /** Pages of the database after the last commit; 0 without one. */
  readonly pages: number
  readonly rest: number
}

const NO_WAL: WalPages = { pageSize: undefined, frames: new Map(), pages: 0, rest: 0 }

/** Whole commits alone count, as for SQLite: a frame whose sum is wrong ends the log. */
function readWal(fd: number): WalPages {
  const { size } = fstatSync(fd)
  const header = readAt(fd, 0, WAL_HEADER)
  const magic = header.readUInt32BE(0)
  const pageSize = header.readUInt32BE(8)
  if (size < WAL_HEADER || (magic & ~1) >>> 0 !== WAL_MAGIC || !isPageSize(pageSize)) return { ...NO_WAL, rest: size }
  const isBig = (magic & 1) === 1
  let sum = addTo([0, 0], header.subarray(0, 24), isBig)
  if (sum[0] !== header.readUInt32BE(24) || sum[1] !== header.readUInt32BE(28)) return { ...NO_WAL, rest: size }
  const salts = header.subarray(16, 24)
  const frames = new Map<number, number>()
  let pages = 0
  let end = WAL_HEADER
  const uncommitted = new Map<number, number>()
  for (let at = WAL_HEADER; at + FRAME_HEADER + pageSize <= size; at += FRAME_HEADER + pageSize) {
    const frame = readAt(fd, at, FRAME_HEADER + pageSize)
    // Of a time before the WAL began anew: nothing of this one is missing.
    if (!frame.subarray(8, 16).equals(salts)) return { pageSize, frames, pages, rest: at - end }
    sum = addTo(addTo(sum, frame.subarray(0, 8), isBig), frame.subarray(FRAME_HEADER), isBig)
    if (sum[0] !== frame.readUInt32BE(16) || sum[1] !== frame.readUInt32BE(20)) break
    uncommitted.set(frame.readUInt32BE(0), at + FRAME_HEADER)
    const committed = frame.readUInt32BE(4)
    if (committed === 0) continue
    for (const [page, place] of uncommitted) frames.set(page, place)
    uncommitted.clear()
    pages = committed
    end = at + FRAME_HEADER + pageSize
  }
  return { pageSize, frames, pages, rest: size - end }
}

function addTo([a, b]: readonly [number, number], octets: Buffer, isBig: boolean): [number, number] {
  let [x, y] = [a, b]
  for (let i = 0; i < octets.length; i += 8) {
    x = (x + (isBig ? octets.readUInt32BE(i) : octets.readUInt32LE(i)) + y) >>> 0
    y = (y + (isBig ? octets.readUInt32BE(i + 4) : octets.readUInt32LE(i + 4)) + x) >>> 0
  }
  return [x, y]
}

function sizeOf(header: Buffer): number {
  const size = header.readUInt16BE(16)
  return size === 1 ? 65_536 : size
}

function isPageSize(size: number): boolean {
  return size >= 512 && size <= 65_536 && (size & (size - 1)) === 0
}

function readAt(fd: number, at: number, length: number): Buffer {
  const into = Buffer.alloc(length)
  readSync(fd, into, 0, length, at)
  return into
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined // all that fs throws has a code
    throw error
  }
}
