/** The table of segments: their numbers, states, watermarks and what of them is still referred to. */
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
     ) STRICT`,
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

export function moveWatermark(tx: Tx, number: number, watermark: number): void {
  tx.sql('UPDATE segment SET watermark = ? WHERE number = ?').run(watermark, number)
}

export function sealSegment(tx: Tx, number: number): void {
  tx.sql("UPDATE segment SET state = 'sealed' WHERE number = ? AND state = 'open'").run(number)
}

/** A row refers to this content from now on. Call once a reference, in the transaction that makes it. */
export function retainContent(tx: Tx, at: Position): void {
  tx.sql('UPDATE segment SET live_octets = live_octets + ? WHERE number = ?').run(at.length, at.segment)
}

/** A row no longer refers to this content. A sealed segment without references is dead, and upkeep removes its file. */
export function releaseContent(tx: Tx, at: Position): void {
  tx.sql('UPDATE segment SET live_octets = live_octets - ? WHERE number = ?').run(at.length, at.segment)
}

export function segmentPath(dir: string, number: number): string {
  return join(dir, `${String(number).padStart(10, '0')}.log`)
}

const NUMBER_FILE = 'next-segment'

/**
 * Gives a segment number that was never given before, and its row, durable both: the file because the database may lose
 * its last commits in a power cut, the row because a file without one is dead (rule 9). Threads are kept apart by the
 * write turn.
 */
export async function newSegment(db: Db, fs: FileSystem, dir: string): Promise<number> {
  const number = await db.write((tx) => {
    const given = takeNumber(fs, dir)
    tx.sql("INSERT INTO segment (number, state, watermark) VALUES (?, 'open', 0)").run(given)
    return given
  })
  await db.syncWal()
  return number
}

function takeNumber(fs: FileSystem, dir: string): number {
  const path = join(dir, NUMBER_FILE)
  const exists = fs.list(dir).includes(NUMBER_FILE)
  const fd = exists ? fs.openWrite(path) : fs.create(path)
  try {
    const text = Buffer.alloc(16)
    const length = exists ? fs.read(fd, text, 0) : 0
    const number = length > 0 ? Number(text.toString('latin1', 0, length)) : 1
    fs.write(fd, [Buffer.from(String(number + 1).padStart(16, '0'))], 0)
    fs.dataSyncNow(fd)
    if (!exists) fs.syncDirectory(dir)
    return number
  } finally {
    fs.close(fd)
  }
}
