/**
 * What the rooms above see of the database. One connection pair (a writer, a reader) a thread.
 * SQL texts and transactions live in the rooms that own the tables; this room owns connections, turns,
 * migrations and checkpoints.
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
  close(): void
}
