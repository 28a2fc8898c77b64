/**
 * The writing side of the log: one open segment a thread, group commit.
 *
 * A batch is: append (synchronous), fdatasync (asynchronous, meanwhile the next batch gathers), one transaction with all
 * consequences and the watermark, replies. One batch at a time; batches never overtake (rule 3).
 */
import { crc32 } from 'node:zlib'
import type { Clock } from '#src/base/mod.ts'
import type { Db, Tx } from '../db/mod.ts'
import type { Draft, MessageLog, Position, RecordKind } from './contract.ts'
import { DraftMemory, LogDraft, SPOOL_CONTENT_AT } from './draft.ts'
import { asLogError, LogBrokenError, LogFailedError } from './errors.ts'
import type { FileSystem } from './file-system.ts'
import { RECORD_HEADER, recordHeader, SEGMENT_HEADER, segmentHeader } from './format.ts'
import { SegmentReader } from './reader.ts'
import { moveWatermark, newSegment, sealSegment, segmentPath } from './segments.ts'
import { spoolPath } from './spool.ts'

/** A segment that has grown beyond this is sealed and the next one opened. */
export const SEGMENT_LIMIT = 128 * 1024 * 1024
/** Records of one batch at the most: bounds the transaction's time. */
const BATCH_LIMIT = 256

/** Names of the moments between two writes, for tests that stop the process there. */
export type CrashPoint =
  | 'appended'
  | 'synced'
  | 'committed'
  | 'cut'
  | 'spool-header'
  | 'spool-synced'
  | 'spool-renamed'
  | 'spool-dir-synced'

export interface LogSettings {
  readonly dir: string
  readonly db: Db
  readonly fs: FileSystem
  readonly clock: Clock
  /** Octets that all drafts of this thread may hold in memory (`intake_memory_limit`). */
  readonly memoryLimit: number
  readonly segmentLimit?: number
  /** For tests: called at each crash point. */
  readonly onPoint?: (point: CrashPoint) => void
  /** Rule 4 failed too: nothing may be written any more. */
  readonly onBroken?: (error: LogBrokenError) => void
}

interface Waiting {
  readonly kind: RecordKind
  readonly draft: LogDraft
  readonly facts: Buffer
  readonly consequence: (tx: Tx, at: Position) => unknown
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

interface OpenSegment {
  readonly number: number
  readonly fd: number
  end: number
}

interface Laid {
  readonly waiting: Waiting
  readonly at: Position
}

export class SegmentLog implements MessageLog {
  readonly #s: LogSettings
  readonly #memory: DraftMemory
  readonly #reader: SegmentReader
  #segment: OpenSegment | undefined
  #waiting: Waiting[] = []
  #running: Promise<void> | undefined
  #broken: LogBrokenError | undefined

  constructor(settings: LogSettings) {
    this.#s = settings
    this.#memory = new DraftMemory(settings.memoryLimit)
    this.#reader = new SegmentReader(settings.fs, settings.dir)
  }

  get readOnly(): boolean {
    return this.#broken !== undefined
  }

  draft(sizeHint = 0): LogDraft {
    if (this.#broken !== undefined) throw this.#broken
    const path = (id: Buffer): string => spoolPath(this.#s.dir, id)
    return new LogDraft(this.#memory, { fs: this.#s.fs, path }, this.#s.clock.now(), sizeHint)
  }

  commit<T>(kind: RecordKind, draft: Draft, facts: Buffer, consequence: (tx: Tx, at: Position) => T): Promise<T> {
    if (this.#broken !== undefined) return Promise.reject(this.#broken)
    if (!(draft instanceof LogDraft)) throw new TypeError('Not a draft of this log')
    return new Promise<T>((resolve, reject) => {
      // resolve is given what consequence returned, a T.
      this.#waiting.push({ kind, draft, facts, consequence, resolve: resolve as (value: unknown) => void, reject })
      this.#running ??= this.#run().finally(() => (this.#running = undefined))
    })
  }

  read(at: Position, from: number, to: number): Buffer {
    return this.#reader.read(at, from, to)
  }

  async close(): Promise<void> {
    await this.#running
    if (this.#segment !== undefined && this.#broken === undefined) await this.#seal(this.#segment)
    this.#segment = undefined
    this.#reader.close()
  }

  async #run(): Promise<void> {
    // What else of this turn of the event loop wants to commit joins the first batch.
    await new Promise(setImmediate)
    while (this.#waiting.length > 0) {
      if (this.#broken !== undefined) {
        for (const waiting of this.#waiting.splice(0)) waiting.reject(this.#broken)
        return
      }
      const first = this.#waiting[0]
      if (first?.draft.spoolFd !== undefined) await this.#commitSpooled(this.#waiting.splice(0, 1)[0]!)
      else await this.#commitBatch(this.#takeBatch())
    }
  }

  /** What waits and lies in memory, up to the first that has a file of its own. */
  #takeBatch(): Waiting[] {
    const spooled = this.#waiting.findIndex((waiting) => waiting.draft.spoolFd !== undefined)
    const n = Math.min(BATCH_LIMIT, spooled < 0 ? this.#waiting.length : spooled)
    return this.#waiting.splice(0, n)
  }

  async #commitBatch(batch: readonly Waiting[]): Promise<void> {
    let segment: OpenSegment | undefined
    try {
      segment = await this.#open()
      const start = segment.end
      try {
        const laid = this.#append(segment, batch)
        this.#s.onPoint?.('appended')
        await this.#s.fs.dataSync(segment.fd)
        this.#s.onPoint?.('synced')
        const results = await this.#act(segment, laid)
        this.#s.onPoint?.('committed')
        for (const { waiting } of laid) waiting.draft.taken()
        for (const [i, { waiting }] of laid.entries()) waiting.resolve(results[i])
      } catch (error) {
        this.#cutBack(segment, start)
        throw error
      }
    } catch (error) {
      await this.#refused(batch, error)
    }
  }

  /**
   * Nothing of the batch exists. One record whose consequence throws (a defect) must not take the others with it: each is tried
   * once more alone.
   */
  async #refused(batch: readonly Waiting[], error: unknown): Promise<void> {
    const known = error instanceof LogBrokenError ? error : asLogError(error, 'writing the message log')
    if (batch.length === 1 || !(known instanceof LogFailedError)) {
      for (const waiting of batch) waiting.reject(known)
      return
    }
    for (const waiting of batch) await this.#commitBatch([waiting])
  }

  #append(segment: OpenSegment, batch: readonly Waiting[]): Laid[] {
    const buffers: Buffer[] = []
    const laid: Laid[] = []
    let end = segment.end
    for (const waiting of batch) {
      const { draft, facts } = waiting
      buffers.push(headerOf(waiting), ...draft.chunks, facts)
      laid.push({ waiting, at: { segment: segment.number, offset: end + RECORD_HEADER, length: draft.size } })
      end += RECORD_HEADER + draft.size + facts.length
    }
    this.#s.fs.write(segment.fd, buffers, segment.end)
    segment.end = end
    return laid
  }

  #act(segment: OpenSegment, laid: readonly Laid[], whole = false): Promise<unknown[]> {
    return this.#s.db.write((tx) => {
      const results = laid.map(({ waiting, at }) => waiting.consequence(tx, at))
      moveWatermark(tx, segment.number, segment.end)
      if (whole) sealSegment(tx, segment.number)
      return results
    })
  }

  /** Rule 4: the batch is taken back before anybody is told that it failed. */
  #cutBack(segment: OpenSegment, start: number): void {
    try {
      this.#s.fs.truncate(segment.fd, start)
      this.#s.onPoint?.('cut')
      this.#s.fs.dataSyncNow(segment.fd)
      segment.end = start
    } catch (cause) {
      throw this.#break(cause)
    }
  }

  #break(cause: unknown): LogBrokenError {
    const text = `a batch could not be taken back: ${cause instanceof Error ? cause.message : String(cause)}`
    this.#broken = new LogBrokenError(text, { cause })
    this.#s.onBroken?.(this.#broken)
    return this.#broken
  }

  /** spool → header → sync → rename → directory → transaction. The number and its row are durable before all that. */
  async #commitSpooled(waiting: Waiting): Promise<void> {
    const { fs, dir, db, onPoint } = this.#s
    const { draft, facts } = waiting
    let number: number | undefined
    try {
      draft.spool()
      const fd = draft.spoolFd
      if (fd === undefined) throw new LogFailedError('the spool file is gone')
      number = await newSegment(db, fs, dir)
      const segment: OpenSegment = { number, fd, end: SPOOL_CONTENT_AT + draft.size + facts.length }
      fs.write(fd, [facts], SPOOL_CONTENT_AT + draft.size)
      fs.write(fd, [segmentHeader(number), headerOf(waiting)], 0)
      onPoint?.('spool-header')
      await fs.dataSync(fd)
      onPoint?.('spool-synced')
      fs.rename(spoolPath(dir, draft.id), segmentPath(dir, number))
      onPoint?.('spool-renamed')
      fs.syncDirectory(dir)
      onPoint?.('spool-dir-synced')
      const at = { segment: number, offset: SPOOL_CONTENT_AT, length: draft.size }
      const [result] = await this.#act(segment, [{ waiting, at }], true)
      onPoint?.('committed')
      draft.taken()
      waiting.resolve(result)
    } catch (error) {
      waiting.reject(this.#dropSpool(draft, number) ?? asLogError(error, 'writing a large message'))
    }
  }

  /** Takes a spooled record back: its file goes, under either name; its row stays behind and is reaped as dead. */
  #dropSpool(draft: LogDraft, number: number | undefined): LogBrokenError | undefined {
    const { fs, dir } = this.#s
    try {
      const renamed = number !== undefined && fs.list(dir).includes(segmentPath('', number))
      if (renamed) {
        draft.taken()
        fs.unlink(segmentPath(dir, number))
        fs.syncDirectory(dir)
      } else {
        draft.discard()
      }
      return undefined
    } catch (cause) {
      return this.#break(cause)
    }
  }

  async #open(): Promise<OpenSegment> {
    const { fs, dir, db } = this.#s
    const limit = this.#s.segmentLimit ?? SEGMENT_LIMIT
    if (this.#segment !== undefined && this.#segment.end < limit) return this.#segment
    if (this.#segment !== undefined) await this.#seal(this.#segment)
    this.#segment = undefined
    const number = await newSegment(db, fs, dir)
    const fd = fs.create(segmentPath(dir, number))
    fs.write(fd, [segmentHeader(number)], 0)
    fs.syncDirectory(dir)
    this.#segment = { number, fd, end: SEGMENT_HEADER }
    return this.#segment
  }

  async #seal(segment: OpenSegment): Promise<void> {
    await this.#s.db.write((tx) => sealSegment(tx, segment.number))
    this.#s.fs.close(segment.fd)
  }
}

function headerOf({ kind, draft, facts }: Waiting): Buffer {
  return recordHeader({
    kind,
    id: draft.id,
    contentLength: draft.size,
    contentCrc: draft.contentCrc,
    factsLength: facts.length,
    factsCrc: crc32(facts),
  })
}
