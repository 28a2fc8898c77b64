/**
 * What the rooms above see of the message log (append-only segments, group commit).
 */
import type { Tx } from '../db/mod.ts'

/** What a record means; its replay after a power cut is plugged by kind (`Replay`). */
export type RecordKind = 'mail' | 'append' | 'moved'

/** Where a slice of content lies: `length` octets from `offset` in segment number `segment`. */
export interface Position {
  readonly segment: number
  readonly offset: number
  readonly length: number
}

/** Octets on their way into the log: kept in memory up to a share, then spooled to a file of their own. */
export interface Draft {
  /** 128 bits, given when the draft is opened; the POP3 UIDL and the record's id. */
  readonly id: Buffer
  /** Octets taken so far. */
  readonly size: number
  /**
   * Takes octets (the chunk is kept, not copied: the caller must not reuse it). A promise means: wait before
   * writing more (spooling, or memory is short). Throws LogFullError when the disk is full.
   */
  write(chunk: Buffer): void | Promise<void>
  /** The octets from `from` up to `to` of what has been written, for scanners that look back; at most 1 MiB. */
  read(from: number, to: number): Buffer
  /** Forgets the draft; frees memory and its spool file. Harmless after commit. */
  discard(): void
}

export interface MessageLog {
  /** Opens a draft. `sizeHint` (SIZE=, literal length) decides early whether to spool. */
  draft(sizeHint?: number): Draft
  /**
   * Appends the draft as one record together with others waiting, makes it durable with one fdatasync, and runs
   * all consequences and the watermark's move in one transaction; resolves with what `consequence` returned, once
   * it is committed. `facts` is what replay needs to repeat the consequence (envelope, or mailbox and flags).
   *
   * `consequence` is synchronous, must not throw for what is foreseeable (return a verdict instead), and is given
   * the content's position. Rejects with LogFullError (disk full) or LogFailedError (could not be made durable);
   * then nothing of it exists.
   */
  commit<T>(kind: RecordKind, draft: Draft, facts: Buffer, consequence: (tx: Tx, at: Position) => T): Promise<T>
  /**
   * Octets `from`…`to` of a slice, synchronously from the page cache: at most 1 MiB a call, readers loop.
   * Throws GoneError when the segment is no longer there (moved by compaction): look the position up once more.
   */
  read(at: Position, from: number, to: number): Buffer
  /** Seals the open segment of this thread and releases files. Drafts still open are discarded. */
  close(): Promise<void>
}

/** Repeats a record's consequence after a power cut; synchronous, inside the recovery transaction. */
export interface Replay {
  (
    tx: Tx,
    record: {
      readonly id: Buffer
      readonly facts: Buffer
      readonly at: Position
      read(from: number, to: number): Buffer
    },
  ): void
}
