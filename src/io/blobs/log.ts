/**
 * The writing side of the log: one open segment a thread, group commit.
 *
 * A batch is: append (synchronous), fdatasync (asynchronous, meanwhile the next batch gathers), one transaction with all
 * consequences and the watermark, replies. One batch at a time; batches never overtake (rule 3). A message with a file of its own
 * is a segment of its own, so it goes beside them and holds nobody up.
 */
import { newRecordId, publish, systemClock, type Clock } from '../../base/mod.ts'
import type { Tx } from '../db/mod.ts'
import { act, type Commit, type Laid, type LogPlace, type LogSettings } from './commit.ts'
import type { Draft, MessageLog, Position, RecordKind } from './contract.ts'
import { DraftMemory, LogDraft } from './draft.ts'
import { asLogError, ConsequenceError, isNoRoom, LogBrokenError, LogFailedError, LogFullError } from './errors.ts'
import { realFileSystem } from './file-system.ts'
import { OpenSegment } from './open-segment.ts'
import { SegmentReader } from './reader.ts'
import { commitSpooled } from './spooled.ts'

const SEGMENT_LIMIT = 128 * 1024 * 1024
/** Records of one batch at the most: bounds the transaction's time. */
const BATCH_LIMIT = 128
/** Messages with files of their own that are made durable at a time. */
const SPOOLED_AT_A_TIME = 2

/** Something could not be written; `broken`: nor taken back, and the server is read-only until it is started anew. */
export interface LogTrouble {
  readonly event: 'log.full' | 'log.failed' | 'log.broken'
  readonly error: Error
}

export class SegmentLog implements MessageLog {
  readonly #place: LogPlace
  readonly #clock: Clock
  readonly #segmentLimit: number
  readonly #memory: DraftMemory
  readonly #reader: SegmentReader
  #segment: OpenSegment | undefined
  #waiting: Commit[] = []
  #running: Promise<void> | undefined
  #spooled: Commit[] = []
  #spooling = 0
  readonly #spoolers = new Set<Promise<void>>()
  #closed = false

  constructor(settings: LogSettings) {
    const { dir, db, fs = realFileSystem, onPoint } = settings
    this.#place = { dir, db, fs, onPoint }
    this.#clock = settings.clock ?? systemClock
    this.#segmentLimit = settings.segmentLimit ?? SEGMENT_LIMIT
    this.#memory = new DraftMemory(settings.memoryLimit)
    this.#reader = new SegmentReader(fs, dir)
  }

  draft(sizeHint = 0): LogDraft {
    return new LogDraft(this.#memory, this.#place, newRecordId(this.#clock.now()), sizeHint)
  }

  commit<T>(kind: RecordKind, draft: Draft, facts: Buffer, consequence: (tx: Tx, at: Position) => T): Promise<T> {
    if (!(draft instanceof LogDraft)) throw new TypeError('Not a draft of this log')
    return new Promise<T>((resolve, reject) => {
      this.#refuseWhenImpossible()
      draft.claim()
      // resolve is given what consequence returned, a T.
      const commit: Commit = { kind, draft, facts, consequence, resolve: resolve as (value: unknown) => void, reject }
      if (draft.spoolFd === undefined) this.#enqueue(commit)
      else this.#enqueueSpooled(commit)
    })
  }

  read(at: Position, from: number, to: number): Buffer {
    return this.#reader.read(at, from, to)
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#memory.discardAll()
    await Promise.all([this.#running, ...this.#spoolers])
    await this.#sealCurrent()
    this.#reader.close()
  }

  #refuseWhenImpossible(): void {
    const { db } = this.#place
    if (this.#closed) throw new LogFailedError('the message log is closed')
    if (db.readOnly) throw new LogFailedError('the server is read-only: an earlier write could not be taken back')
    if (db.walFull) throw new LogFullError('the write-ahead log of the database is full')
  }

  #enqueue(commit: Commit): void {
    this.#waiting.push(commit)
    this.#running ??= this.#run()
  }

  async #run(): Promise<void> {
    // What else of this turn of the event loop wants to commit joins the first batch.
    await new Promise(setImmediate)
    try {
      while (this.#waiting.length > 0) await this.#commitBatch(this.#waiting.splice(0, BATCH_LIMIT))
    } finally {
      // At once, not when the promise settles: who commits in between must find nobody running.
      this.#running = undefined
    }
  }

  async #commitBatch(batch: readonly Commit[]): Promise<void> {
    let segment: OpenSegment
    try {
      if (this.#place.db.readOnly) throw new LogFailedError('the server is read-only')
      segment = await this.#current()
    } catch (error) {
      this.#refuse(batch, error)
      return
    }
    const start = segment.end
    let synced = false
    let laid: readonly Laid[]
    let results: readonly unknown[]
    try {
      laid = segment.append(batch)
      this.#place.onPoint?.('appended')
      await segment.sync()
      synced = true
      this.#place.onPoint?.('synced')
      results = await act(this.#place.db, laid, { number: segment.number, end: segment.end, sealed: false })
    } catch (error) {
      segment.retired = !synced && !isNoRoom(error)
      this.#takeBack(segment, start, batch, error)
      return
    }
    this.#place.onPoint?.('committed')
    for (const { draft } of batch) draft.over()
    for (const [i, { resolve }] of batch.entries()) resolve(results[i])
  }

  /** Rule 4: first nothing of the batch is left, then its clients are told. */
  #takeBack(segment: OpenSegment, start: number, batch: readonly Commit[], error: unknown): void {
    try {
      segment.cutBack(start)
    } catch (cause) {
      this.#refuse(
        batch,
        new LogBrokenError('a batch could not be taken back: nothing is taken until the server is started anew', {
          cause,
        }),
      )
      return
    }
    const guilty = error instanceof ConsequenceError ? batch[error.index] : undefined
    if (guilty === undefined) {
      this.#refuse(batch, error)
      return
    }
    this.#refuse([guilty], error)
    this.#waiting.unshift(...batch.filter((commit) => commit !== guilty))
  }

  #refuse(batch: readonly Commit[], cause: unknown): void {
    const error = asLogError(cause, 'writing the message log')
    const broken = error instanceof LogBrokenError
    if (broken) this.#place.db.turnReadOnly()
    const full = error instanceof LogFullError
    publish<LogTrouble>({ event: broken ? 'log.broken' : full ? 'log.full' : 'log.failed', error })
    for (const { draft, reject } of batch) {
      draft.remove()
      reject(error)
    }
  }

  async #current(): Promise<OpenSegment> {
    const segment = this.#segment
    if (segment !== undefined && !segment.retired && segment.end < this.#segmentLimit) return segment
    await this.#sealCurrent()
    this.#segment = await OpenSegment.open(this.#place)
    return this.#segment
  }

  async #sealCurrent(): Promise<void> {
    const segment = this.#segment
    this.#segment = undefined
    if (segment === undefined || this.#place.db.readOnly) return
    await segment.seal().catch((error: unknown) => {
      publish<LogTrouble>({ event: 'log.failed', error: asLogError(error, 'sealing a segment') })
    })
  }

  #enqueueSpooled(commit: Commit): void {
    this.#spooled.push(commit)
    if (this.#spooling >= SPOOLED_AT_A_TIME) return
    const run = this.#runSpooled().finally(() => this.#spoolers.delete(run))
    this.#spoolers.add(run)
  }

  async #runSpooled(): Promise<void> {
    this.#spooling++
    try {
      for (let commit; (commit = this.#spooled.shift()) !== undefined;) await this.#commitSpooled(commit)
    } finally {
      this.#spooling-- // at once, as above
    }
  }

  async #commitSpooled(commit: Commit): Promise<void> {
    try {
      if (this.#place.db.readOnly) throw new LogFailedError('the server is read-only')
      const result = await commitSpooled(this.#place, commit)
      this.#place.onPoint?.('committed')
      commit.draft.over()
      commit.resolve(result)
    } catch (error) {
      this.#refuse([commit], error)
    }
  }
}
