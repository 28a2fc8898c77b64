/**
 * Is all of a generation there, as it was written, and does it hang together? Every file by its SHA-256, every record of the segments by its
 * CRC, the database by SQLite, and each position that a row has by the records.
 */
import { join } from 'node:path'
import { referredPositions, realFileSystem, scanSegment, segmentRows } from '../../io/blobs/mod.ts'
import type { Reader } from '../../io/db/mod.ts'
import { queueContent } from '../../mail/queue/mod.ts'
import { storeContent } from '../../mail/store/mod.ts'
import { openMailDatabase } from '../server/database.ts'
import { sumOf, type Tick } from './copy.ts'
import type { BackedSegment, Manifest } from './manifest.ts'

const OWNERS = [storeContent, queueContent]
/** Rows looked at together. */
const POSITIONS = 4096
/** Problems told at the most. */
const PROBLEM_LIMIT = 1000

export interface Verified {
  readonly problems: readonly string[]
  readonly files: number
  readonly records: number
  /** Positions in the log that rows have, each once. */
  readonly positions: number
}

export interface VerifyOptions {
  readonly dir: string
  /** The generation's directory. */
  readonly at: string
  readonly tick: Tick
  /** Between two files: who has to be told that this goes on. */
  readonly between?: () => void
}

export function verifyGeneration(manifest: Manifest, options: VerifyOptions): Verified {
  return new Verification(manifest, options).run()
}

class Verification {
  readonly #manifest: Manifest
  readonly #o: VerifyOptions
  readonly #problems: string[] = []
  #records = 0
  #positions = 0

  constructor(manifest: Manifest, options: VerifyOptions) {
    this.#manifest = manifest
    this.#o = options
  }

  run(): Verified {
    const { files, segments } = this.#manifest
    for (const { path, octets, sha256 } of files) this.#sum(join(this.#o.at, path), path, octets, sha256)
    for (const { file, octets, sha256 } of segments)
      this.#sum(join(this.#o.dir, 'segments', file), `segment ${file}`, octets, sha256)
    try {
      this.#database()
    } catch (error) {
      this.#problem(`mail.db: ${error instanceof Error ? error.message : String(error)}`)
    }
    const problems = this.#problems
    return { problems, files: files.length + segments.length, records: this.#records, positions: this.#positions }
  }

  #sum(path: string, name: string, octets: number, sha256: string): void {
    const sum = sumOf(path, octets, this.#o.tick)
    if (sum === undefined) this.#problem(`${name} is missing or not ${octets} octets long`)
    else if (sum !== sha256) this.#problem(`${name} is not what was written`)
    this.#o.between?.()
  }

  #database(): void {
    const db = openMailDatabase(join(this.#o.at, 'mail.db'), { readOnly: true })
    try {
      const [said] = db.read.sql('PRAGMA integrity_check').get() ?? []
      if (said !== 'ok') this.#problem(`mail.db: ${String(said)}`)
      const known = new Set(this.#manifest.segments.map(({ number }) => number))
      for (const owner of OWNERS)
        for (let at = -1, next; (next = owner.nextSegment(db.read, at)) !== undefined; at = next)
          if (!known.has(next)) this.#problem(`segment ${next}, which rows refer to, is not in the backup`)
      const watermarks = new Map(segmentRows(db.read).map(({ number, watermark }) => [number, watermark]))
      for (const segment of this.#manifest.segments) {
        if (watermarks.get(segment.number) !== segment.octets)
          this.#problem(`segment ${segment.number} is not the one of mail.db`)
        this.#segment(db.read, segment)
        this.#o.between?.()
      }
    } finally {
      db.close()
    }
  }

  /** Records and positions side by side, both by offset. A damaged record matters where a row refers to it. */
  #segment(reader: Reader, { number, file, octets }: BackedSegment): void {
    const path = join(this.#o.dir, 'segments', file)
    const fs = { ...realFileSystem, openRead: () => realFileSystem.openRead(path) }
    const records = this.#whole(fs, number, octets)
    let record = records.next()
    let missing = 0
    for (let offset = 0; ;) {
      const page = referredPositions(OWNERS, reader, { segment: number, offset }, POSITIONS)
      for (const at of page) {
        this.#positions++
        while (record.done !== true && record.value.end < at.offset + at.length) record = records.next()
        if (record.done === true || record.value.from > at.offset) missing++
      }
      const last = page.at(-1)
      if (last === undefined) break
      offset = last.offset + 1
    }
    while (record.done !== true) record = records.next() // all are read
    if (missing > 0) this.#problem(`segment ${number}: ${missing} messages that rows refer to are damaged or missing`)
  }

  *#whole(
    fs: typeof realFileSystem,
    number: number,
    octets: number,
  ): Generator<{ readonly from: number; readonly end: number }, undefined> {
    try {
      for (const found of scanSegment('', number, octets, fs)) {
        if (!('record' in found)) continue
        this.#records++
        const { offset, length } = found.record.at
        yield { from: offset, end: offset + length }
      }
    } catch (error) {
      this.#problem(`segment ${number}: ${error instanceof Error ? error.message : String(error)}`)
    }
    return undefined
  }

  #problem(text: string): void {
    if (this.#problems.length < PROBLEM_LIMIT) this.#problems.push(text)
  }
}
