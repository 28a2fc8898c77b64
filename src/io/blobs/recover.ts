/**
 * The start: what lies beyond the watermarks is taken in or cut, and every segment is sealed (rules 5, 9 and 10).
 *
 * Same boot: whatever lies beyond a watermark was never acknowledged, for the reply comes after the commit, and a commit
 * outlives the process. It is cut. Another boot, or a copy of the files: the last commits may have been lost with the
 * power while the log was synced; records beyond the watermark may have been acknowledged and are taken in.
 *
 * Stopped anywhere and run again it comes to the same end: a record's consequences and the watermark behind it are one
 * transaction, and how the last run ended is forgotten only afterwards (io/db, `beginRun`).
 */
import { join } from 'node:path'
import type { Db } from '../db/mod.ts'
import type { RecordKind, Replay } from './contract.ts'
import { isSpool } from './draft.ts'
import { type FileSystem, realFileSystem } from './file-system.ts'
import { RECORD_HEADER, SEGMENT_HEADER } from './format.ts'
import { type FoundRecord, Records } from './records.ts'
import {
  deleteSegment,
  insertSegment,
  moveWatermark,
  numbersGiven,
  readNumberFile,
  segmentOfName,
  segmentPath,
  segmentRows,
  type SegmentRow,
  setNumbersGiven,
  setState,
} from './segments.ts'

export interface RecoverOptions {
  readonly dir: string
  readonly db: Db
  readonly fs?: FileSystem
  readonly replay: Readonly<Record<RecordKind, Replay>>
  /** The machine has not been started anew since the last server ran on these very files (io/db, `lastRun`). */
  readonly sameBoot: boolean
}

export interface RecoveryReport {
  /** Records taken in. */
  readonly replayed: number
  /** Octets beyond a watermark that were cut. */
  readonly cutOctets: number
  /** Spools, and segments without a row, that were removed. */
  readonly removedFiles: number
  /** Segments that the database did not know yet: it is older than the log. */
  readonly adopted: readonly number[]
  /** Segments that rows refer to, and that are not there or shorter than they were: content is missing. */
  readonly damaged: readonly number[]
}

/** Runs alone, before any thread opens a segment. Throws what a replay throws: then the start must not go on. */
export function recover(options: RecoverOptions): Promise<RecoveryReport> {
  return new Recovery(options).run()
}

class Recovery {
  readonly #o: RecoverOptions
  readonly #fs: FileSystem
  /** Numbers of the segment files that are there. */
  #files = new Set<number>()
  #replayed = 0
  #cutOctets = 0
  #removedFiles = 0
  readonly #adopted: number[] = []
  readonly #damaged: number[] = []

  constructor(options: RecoverOptions) {
    this.#o = options
    this.#fs = options.fs ?? realFileSystem
  }

  async run(): Promise<RecoveryReport> {
    const { dir, db } = this.#o
    this.#fs.makeDirectory(dir)
    this.#files = new Set(
      this.#fs
        .list(dir)
        .map(segmentOfName)
        .filter((number) => number !== undefined),
    )
    await this.#filesWithoutRow()
    for (const row of segmentRows(db.read)) {
      if (this.#files.has(row.number)) await this.#segment(row)
      else await this.#rowWithoutFile(row)
    }
    await db.write((tx) => {
      setNumbersGiven(tx, Math.max(numbersGiven(tx), readNumberFile(this.#fs, dir), ...this.#files))
    })
    return {
      replayed: this.#replayed,
      cutOctets: this.#cutOctets,
      removedFiles: this.#removedFiles,
      adopted: this.#adopted,
      damaged: this.#damaged,
    }
  }

  /**
   * A spool was never acknowledged. A segment whose number the database knows to have been given is dead (rule 9); one of a
   * higher number is younger than the state that the database is in, so all of it is new to it.
   */
  async #filesWithoutRow(): Promise<void> {
    const { dir, db } = this.#o
    const known = new Set(segmentRows(db.read).map((row) => row.number))
    const given = numbersGiven(db.read)
    const strays = [...this.#files].filter((number) => !known.has(number))
    const dead = strays.filter((number) => number <= given)
    const spools = this.#fs.list(dir).filter(isSpool)
    for (const path of [...spools.map((name) => join(dir, name)), ...dead.map((number) => segmentPath(dir, number))]) {
      this.#fs.unlink(path)
      this.#removedFiles++
    }
    if (this.#removedFiles > 0) await this.#fs.syncDirectory(dir)
    for (const number of dead) this.#files.delete(number)
    this.#adopted.push(...strays.filter((number) => number > given))
    await db.write((tx) => {
      for (const number of this.#adopted) insertSegment(tx, number)
    })
  }

  /** It was never begun, or its file went as dead; unless rows refer to it. */
  async #rowWithoutFile({ number, state, liveOctets }: SegmentRow): Promise<void> {
    if (liveOctets > 0 && state !== 'dead') this.#damaged.push(number)
    else await this.#o.db.write((tx) => deleteSegment(tx, number))
  }

  async #segment(row: SegmentRow): Promise<void> {
    if (row.state === 'dead') return // upkeep removes it
    const records = new Records(this.#fs, segmentPath(this.#o.dir, row.number))
    try {
      const end = await this.#beyondWatermark(row, records)
      if (records.size < end) this.#damaged.push(row.number)
      this.#cutOctets += this.#cut(records, end)
      if (row.state !== 'sealed') await this.#o.db.write((tx) => setState(tx, row.number, 'sealed'))
    } finally {
      records.close()
    }
  }

  /** Takes in what may have been acknowledged. Answers where the segment ends. */
  async #beyondWatermark(row: SegmentRow, records: Records): Promise<number> {
    const start = Math.max(row.watermark, SEGMENT_HEADER)
    const takeIn = !this.#o.sameBoot || this.#adopted.includes(row.number)
    // Before the first record the header may not have reached the disk; later it has, with that record.
    if (!takeIn || (row.watermark === 0 && !records.isSegment(row.number))) return start
    let end = start
    for (let found; (found = records.next(end)) !== undefined; end = found.end)
      await this.#replay(row.number, records, found)
    return end
  }

  async #replay(number: number, records: Records, found: FoundRecord): Promise<void> {
    const { db, replay } = this.#o
    const { kind, id, contentLength } = found.header
    await db.write((tx) => {
      replay[kind](tx, {
        id,
        facts: records.facts(found),
        at: { segment: number, offset: found.at + RECORD_HEADER, length: contentLength },
        read: (from, to) => records.content(found, from, to),
      })
      moveWatermark(tx, number, found.end)
    })
    this.#replayed++
  }

  #cut(records: Records, end: number): number {
    const beyond = records.size - end
    if (beyond <= 0) return 0
    records.cut(end)
    return beyond
  }
}
