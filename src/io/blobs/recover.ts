/**
 * The start: what lies beyond the watermarks is taken in or cut, and every segment is sealed (rules 5, 9 and 10).
 *
 * Same boot: whatever lies beyond a watermark was never acknowledged, for the reply comes after the commit, and a commit
 * outlives the process. It is cut. Another boot (or a copy of the files): the last commits may have been lost with the
 * power while the log was synced; records beyond the watermark may have been acknowledged and are taken in.
 */
import { crc32 } from 'node:zlib'
import type { Db, Tx } from '../db/mod.ts'
import type { Position, RecordKind, Replay } from './contract.ts'
import type { FileSystem } from './file-system.ts'
import {
  readRecordHeader,
  readSegmentHeader,
  RECORD_HEADER,
  type RecordHeader,
  recordLength,
  SEGMENT_HEADER,
} from './format.ts'
import { READ_LIMIT } from './reader.ts'
import { moveWatermark, segmentPath, segmentRows, type SegmentRow } from './segments.ts'
import { isSpool } from './spool.ts'

export interface RecoverOptions {
  readonly dir: string
  readonly db: Db
  readonly fs: FileSystem
  readonly replay: Readonly<Record<RecordKind, Replay>>
  /** The machine has not been started anew since the last server ran on these very files. */
  readonly sameBoot: boolean
}

export interface RecoveryReport {
  /** Records taken in. */
  readonly replayed: number
  /** Octets beyond a watermark that were cut. */
  readonly cutOctets: number
  /** Spool files and segments without a row that were removed. */
  readonly removedFiles: number
  /** Segments that rows refer to and that are not there: content is missing. */
  readonly missing: readonly number[]
}

/** Runs alone, before any thread opens a segment. */
export async function recover(options: RecoverOptions): Promise<RecoveryReport> {
  const { fs, dir, db } = options
  fs.makeDirectory(dir)
  const files = new Set(fs.list(dir))
  const rows = segmentRows(db.read)
  const missing: number[] = []
  let replayed = 0
  let cutOctets = 0
  for (const row of rows) {
    if (!files.has(segmentPath('', row.number))) {
      if (row.liveOctets > 0) missing.push(row.number)
      else await db.write((tx) => tx.sql('DELETE FROM segment WHERE number = ?').run(row.number))
      continue
    }
    if (row.state !== 'open') continue
    const done = await recoverSegment(options, row)
    replayed += done.replayed
    cutOctets += done.cut
  }
  const removedFiles = removeStrays(fs, dir, files, new Set(rows.map((row) => segmentPath('', row.number))))
  return { replayed, cutOctets, removedFiles, missing }
}

async function recoverSegment(options: RecoverOptions, row: SegmentRow): Promise<{ replayed: number; cut: number }> {
  const { fs, dir, db, sameBoot } = options
  const fd = fs.openWrite(segmentPath(dir, row.number))
  try {
    let at = Math.max(row.watermark, SEGMENT_HEADER)
    let replayed = 0
    const header = Buffer.alloc(SEGMENT_HEADER)
    const ours = fs.read(fd, header, 0) === SEGMENT_HEADER && readSegmentHeader(header) === row.number
    while (ours && !sameBoot) {
      const record = wholeRecord(fs, fd, at)
      if (record === undefined) break
      const end = at + recordLength(record)
      await db.write((tx) => replayRecord(options, tx, { row, fd, record, at, end }))
      replayed++
      at = end
    }
    const cut = Math.max(0, fs.size(fd) - at)
    if (cut > 0 && ours) {
      fs.truncate(fd, at)
      fs.dataSyncNow(fd)
    }
    const state = ours && at > SEGMENT_HEADER ? 'sealed' : 'dead'
    await db.write((tx) => tx.sql('UPDATE segment SET state = ? WHERE number = ?').run(state, row.number))
    return { replayed, cut }
  } finally {
    fs.close(fd)
  }
}

interface Found {
  readonly row: SegmentRow
  readonly fd: number
  readonly record: RecordHeader
  readonly at: number
  readonly end: number
}

/** One record's consequences and the watermark behind it, in one transaction: stopped anywhere, it is done once. */
function replayRecord({ fs, replay }: RecoverOptions, tx: Tx, { row, fd, record, at, end }: Found): void {
  const contentAt = at + RECORD_HEADER
  const position: Position = { segment: row.number, offset: contentAt, length: record.contentLength }
  const facts = Buffer.alloc(record.factsLength)
  fs.read(fd, facts, contentAt + record.contentLength)
  const read = (from: number, to: number): Buffer => {
    const until = Math.min(to, record.contentLength, from + READ_LIMIT)
    const into = Buffer.alloc(Math.max(0, until - from))
    fs.read(fd, into, contentAt + from)
    return into
  }
  replay[record.kind](tx, { id: record.id, facts, at: position, read })
  moveWatermark(tx, row.number, end)
}

/** The record at `at` if all of it is there and its sums are right: a torn write is no record. */
function wholeRecord(fs: FileSystem, fd: number, at: number): RecordHeader | undefined {
  const octets = Buffer.alloc(RECORD_HEADER)
  if (fs.read(fd, octets, at) < RECORD_HEADER) return undefined
  const record = readRecordHeader(octets)
  if (record === undefined) return undefined
  const contentAt = at + RECORD_HEADER
  const contentOk = sumOf(fs, fd, contentAt, record.contentLength) === record.contentCrc
  const factsOk = sumOf(fs, fd, contentAt + record.contentLength, record.factsLength) === record.factsCrc
  return contentOk && factsOk ? record : undefined
}

function sumOf(fs: FileSystem, fd: number, at: number, length: number): number | undefined {
  let sum = 0
  for (let from = 0; from < length; from += READ_LIMIT) {
    const piece = Buffer.alloc(Math.min(READ_LIMIT, length - from))
    if (fs.read(fd, piece, at + from) < piece.length) return undefined
    sum = crc32(piece, sum)
  }
  return sum
}

/** Spools of a killed process were never acknowledged; a segment whose number was given and that has no row is dead. */
function removeStrays(fs: FileSystem, dir: string, files: ReadonlySet<string>, known: ReadonlySet<string>): number {
  const strays = [...files].filter((name) => isSpool(name) || (/^\d{10}\.log$/.test(name) && !known.has(name)))
  for (const name of strays) fs.unlink(`${dir}/${name}`)
  if (strays.length > 0) fs.syncDirectory(dir)
  return strays.length
}
