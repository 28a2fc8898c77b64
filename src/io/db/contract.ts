/**
 * What the rooms above see of the database. One connection pair (a writer, a reader) a thread.
 * SQL texts and transactions live in the rooms that own the tables; this room owns connections, turns,
 * migrations and checkpoints.
 */

/**
 * An INTEGER is bound from a number or a bigint, and always read as a number: beyond 2^53 node:sqlite throws rather than
 * round. MODSEQ (63 bits by RFC 7162 §7) never comes near: its owner counts it up by one, and a power cut adds a margin;
 * write it as a bigint, read it as BigInt(number).
 */
export type SqlValue = null | number | bigint | string | Uint8Array

/** A prepared statement; rows are arrays in the order of the columns (three times cheaper than objects). */
export interface Statement {
  run(...values: SqlValue[]): { readonly changes: number; readonly lastInsertRowid: number }
  get(...values: SqlValue[]): SqlValue[] | undefined
  all(...values: SqlValue[]): SqlValue[][]
}

/** Reads what is committed. Statements are prepared once a connection and kept by their text. */
export interface Reader {
  sql(text: string): Statement
}

/** Inside one BEGIN IMMEDIATE … COMMIT. Valid only while the function it was handed to runs. */
export interface Tx extends Reader {
  readonly writing: true
  /** Runs `work` just before the commit: what many steps of the transaction gather is written once. What it throws rolls back. */
  beforeCommit(work: () => void): void
}

/** One room's tables: its name and the steps that bring an older database up to date, never edited once released. */
export interface Schema {
  readonly room: string
  /** Step n (from 0) is run once, in order; a step is one or more statements. */
  readonly steps: readonly string[]
}

export interface Db {
  /** The reader connection of this thread. */
  readonly read: Reader
  /**
   * Waits for this thread's turn to write (ticket lock across threads), runs `work` synchronously inside
   * BEGIN IMMEDIATE, commits. What `work` throws rolls everything back and is thrown on.
   * `work` must not return a promise and should take at most 5 ms; longer work goes in slices.
   */
  write<T>(work: (tx: Tx) => T): Promise<T>
  /** Calls `then` after the commit of the running transaction (change feed, wake-ups); dropped on rollback. */
  afterCommit(tx: Tx, then: () => void): void
  /**
   * Passes of the sync line so far (rule 6 of the log). What was committed while this was n is durable once it is n + 2:
   * pass n + 1 may have begun before.
   */
  readonly syncs: number
  /** The WAL is above 512 MB, checkpoints do not keep up: intake says 452 until it is not. */
  readonly walFull: boolean
  /** Something can no longer be made durable nor undone (rule 4): nothing is accepted by any thread any more. */
  readonly readOnly: boolean
  /** Makes `readOnly` true in all threads, until the server is started anew. */
  turnReadOnly(): void
  /** Resolves when all that was committed before the call would survive a power cut: one fdatasync on the WAL (rules 6 and 9 of the log). */
  syncWal(): Promise<void>
  close(): void
}
