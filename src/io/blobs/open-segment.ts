/** The segment that a thread appends to. */
import type { Commit, Laid, LogPlace } from './commit.ts'
import { headerOf } from './commit.ts'
import { RECORD_HEADER, SEGMENT_HEADER, segmentHeader } from './format.ts'
import { deleteSegment, newSegment, segmentPath, setState } from './segments.ts'

export class OpenSegment {
  readonly number: number
  /** Where the next record begins. */
  end = SEGMENT_HEADER
  /**
   * Nothing more is written to it: a sync has failed, and what the kernel then keeps of a file is not what it says
   * (a page that could not be written counts as clean).
   */
  retired = false
  readonly #place: LogPlace
  readonly #fd: number

  private constructor(place: LogPlace, number: number, fd: number) {
    this.#place = place
    this.number = number
    this.#fd = fd
  }

  /** A new one: its number, header and name are durable when it resolves. */
  static async open(place: LogPlace): Promise<OpenSegment> {
    const { fs, dir, db } = place
    const number = await newSegment(db, fs, dir)
    let fd: number | undefined
    try {
      fd = fs.create(segmentPath(dir, number))
      fs.write(fd, [segmentHeader(number)], 0)
      await fs.dataSync(fd)
      await fs.syncDirectory(dir)
      return new OpenSegment(place, number, fd)
    } catch (error) {
      await forget(place, number, fd)
      throw error
    }
  }

  append(batch: readonly Commit[]): Laid[] {
    const buffers: Buffer[] = []
    const laid: Laid[] = []
    let end = this.end
    for (const commit of batch) {
      const { draft, facts } = commit
      buffers.push(headerOf(commit))
      for (const chunk of draft.chunks) buffers.push(chunk)
      buffers.push(facts)
      laid.push({ commit, at: { segment: this.number, offset: end + RECORD_HEADER, length: draft.size } })
      end += RECORD_HEADER + draft.size + facts.length
    }
    this.#place.fs.write(this.#fd, buffers, this.end)
    this.end = end
    return laid
  }

  sync(): Promise<void> {
    return this.#place.fs.dataSync(this.#fd)
  }

  /** Rule 4: what was appended since `start` is taken back, durably when it returns. */
  cutBack(start: number): void {
    this.#place.fs.truncate(this.#fd, start)
    this.#place.onPoint?.('cut')
    this.#place.fs.dataSyncNow(this.#fd)
    this.end = start
  }

  /** No more records. Should the row not say so, the next start seals it. */
  async seal(): Promise<void> {
    this.#place.fs.close(this.#fd)
    await this.#place.db.write((tx) => setState(tx, this.number, 'sealed'))
  }
}

/** A segment that could not be begun leaves nothing behind, as far as the disk lets us; the next start does the rest. */
async function forget({ fs, dir, db }: LogPlace, number: number, fd: number | undefined): Promise<void> {
  try {
    if (fd !== undefined) {
      fs.close(fd)
      fs.unlink(segmentPath(dir, number))
    }
    await db.write((tx) => deleteSegment(tx, number))
  } catch {
    // An empty segment, or a row without a file: both are known at the next start.
  }
}
