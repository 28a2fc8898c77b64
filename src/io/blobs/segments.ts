/**
 * The table of segments: numbers, states, watermarks, and what of them is still referred to.
 *
 * A number is given once, ever. The database knows the last one that it gave; but it may be put back to an older state, by a power
 * cut or from a copy, and a row of that state must never find other octets under its number. So a small file, synced before
 * a number is used, says up to which one may have been given.
 */
import { join } from 'node:path'
import type { Db, Reader, Schema, Tx } from '../db/mod.ts'
import type { Position } from './contract.ts'
import type { FileSystem } from './file-system.ts'

export const logSchema: Schema = {
  room: 'io/blobs',
  steps: [
    `CREATE TABLE segment (
       number INTEGER PRIMARY KEY,
       state TEXT NOT NULL CHECK (state IN ('open', 'sealed', 'dead')),
       -- all up to this octet has been acted on
       watermark INTEGER NOT NULL,
       -- octets of content that rows refer to, counted once a reference
       live_octets INTEGER NOT NULL DEFAULT 0
     ) STRICT;
     -- the highest number that the database knows to have been given
     CREATE TABLE segment_given (number INTEGER NOT NULL) STRICT;
     INSERT INTO segment_given VALUES (0)`,
  ],
}

export type SegmentState = 'open' | 'sealed' | 'dead'

export interface SegmentRow {
  readonly number: number
  readonly state: SegmentState
  readonly watermark: number
  readonly liveOctets: number
}

export function segmentRows(reader: Reader): SegmentRow[] {
  return reader
    .sql('SELECT number, state, watermark, live_octets FROM segment ORDER BY number')
    .all()
    .map(([number, state, watermark, live]) => ({
      number: Number(number),
      state: state as SegmentState, // by the table's CHECK
      watermark: Number(watermark),
      liveOctets: Number(live),
    }))
}

export function insertSegment(tx: Tx, number: number): void {
  tx.sql("INSERT INTO segment (number, state, watermark) VALUES (?, 'open', 0)").run(number)
}

export function deleteSegment(tx: Tx, number: number): void {
  tx.sql('DELETE FROM segment WHERE number = ?').run(number)
}

export function moveWatermark(tx: Tx, number: number, watermark: number): void {
  tx.sql('UPDATE segment SET watermark = ? WHERE number = ?').run(watermark, number)
}

export function setState(tx: Tx, number: number, state: SegmentState): void {
  tx.sql('UPDATE segment SET state = ? WHERE number = ?').run(state, number)
}

/** Octets newly referred to in running transactions, by segment: a batch of messages is one update. */
const retained = new WeakMap<Tx, Map<number, number>>()

/** A row refers to this content from now on. Call once a reference, in the transaction that makes it. */
export function retainContent(tx: Tx, at: Position): void {
  let octets = retained.get(tx)
  if (octets === undefined) {
    const gathered = (octets = new Map<number, number>())
    retained.set(tx, gathered)
    tx.beforeCommit(() => {
      for (const [segment, more] of gathered)
        tx.sql('UPDATE segment SET live_octets = live_octets + ? WHERE number = ?').run(more, segment)
    })
  }
  octets.set(at.segment, (octets.get(at.segment) ?? 0) + at.length)
}

/** A row no longer refers to this content. A sealed segment without references is dead, and upkeep removes its file. */
export function releaseContent(tx: Tx, at: Position): void {
  tx.sql('UPDATE segment SET live_octets = live_octets - ? WHERE number = ?').run(at.length, at.segment)
}

const SEGMENT_NAME = /^(\d{10})\.log$/

function segmentName(number: number): string {
  return `${String(number).padStart(10, '0')}.log`
}

export function segmentPath(dir: string, number: number): string {
  return join(dir, segmentName(number))
}

/** The number of the segment that a file name stands for, undefined where it stands for none. */
export function segmentOfName(name: string): number | undefined {
  const digits = SEGMENT_NAME.exec(name)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

const NUMBER_FILE = 'given'
const NUMBER_WIDTH = 10
/** Numbers that one sync of the file covers. */
const NUMBERS_AHEAD = 64

export function numbersGiven(reader: Reader): number {
  return Number(reader.sql('SELECT number FROM segment_given').get()?.[0])
}

export function setNumbersGiven(tx: Tx, number: number): void {
  tx.sql('UPDATE segment_given SET number = ?').run(number)
}

/**
 * Gives a segment number and its row. Neither is durable yet: should a power cut take them back, the database does not know
 * the number as given either, and recovery takes the file in as new. Threads are kept apart by the write turn.
 */
export function newSegment(db: Db, fs: FileSystem, dir: string): Promise<number> {
  return db.write((tx) => {
    const next = numbersGiven(tx) + 1
    if (next > readNumberFile(fs, dir)) writeNumberFile(fs, dir, next + NUMBERS_AHEAD)
    setNumbersGiven(tx, next)
    insertSegment(tx, next)
    return next
  })
}

/** Up to this number one may have been given, whatever the database knows; 0 without the file. */
export function readNumberFile(fs: FileSystem, dir: string): number {
  if (!fs.list(dir).includes(NUMBER_FILE)) return 0
  const fd = fs.openRead(join(dir, NUMBER_FILE))
  try {
    const text = Buffer.alloc(NUMBER_WIDTH)
    const length = fs.read(fd, text, 0)
    return Number(text.toString('latin1', 0, length)) || 0
  } finally {
    fs.close(fd)
  }
}

function writeNumberFile(fs: FileSystem, dir: string, number: number): void {
  const path = join(dir, NUMBER_FILE)
  const fd = fs.list(dir).includes(NUMBER_FILE) ? fs.openWrite(path) : fs.create(path)
  try {
    fs.write(fd, [Buffer.from(String(number).padStart(NUMBER_WIDTH, '0'))], 0)
    fs.dataSyncNow(fd)
    fs.syncDirectoryNow(dir)
  } finally {
    fs.close(fd)
  }
}
