/** A thread's pair of connections: one that writes in turns, one that reads what is committed. */
import { setTimeout as sleep } from 'node:timers/promises'
import { DbConnection, isBusy } from './connection.ts'
import type { Db, Reader, Schema, Statement, Tx } from './contract.ts'
import { migrate } from './migrate.ts'
import { WriteTurn } from './turn.ts'

export interface DatabaseOptions {
  readonly path: string
  readonly schemas: readonly Schema[]
  /** The lock between the server's threads; without it the connection is alone in its process. */
  readonly turn?: WriteTurn
  /** Another thread has brought the tables up to date. */
  readonly migrated?: boolean
}

/** Another process may hold the write lock this long before a transaction gives up. */
const BUSY_LIMIT_MS = 30_000
const BUSY_STEP_MS = 2

/** Memory for pages, a connection: the reader's is small, mailbox pages are kept as views. */
const CACHE_KIB = { writer: 4096, reader: 2048 }

class WritingTx implements Tx {
  readonly writing = true
  readonly #connection: DbConnection
  readonly after: (() => void)[] = []

  constructor(connection: DbConnection) {
    this.#connection = connection
  }

  sql(text: string): Statement {
    return this.#connection.sql(text)
  }
}

class SqliteDb implements Db {
  readonly #writer: DbConnection
  readonly #reader: DbConnection
  readonly #turn: WriteTurn

  constructor(options: DatabaseOptions) {
    this.#turn = options.turn ?? new WriteTurn()
    this.#writer = open(options.path, CACHE_KIB.writer)
    if (options.migrated !== true) migrate(this.#writer, options.schemas)
    this.#reader = open(options.path, CACHE_KIB.reader)
    this.#reader.exec('PRAGMA query_only = on')
  }

  get read(): Reader {
    return this.#reader
  }

  async write<T>(work: (tx: Tx) => T): Promise<T> {
    await this.#turn.take()
    try {
      await this.#begin()
      return this.#run(work)
    } finally {
      this.#turn.release()
    }
  }

  afterCommit(tx: Tx, then: () => void): void {
    if (!(tx instanceof WritingTx)) throw new TypeError('Not a transaction of this database')
    tx.after.push(then)
  }

  close(): void {
    this.#reader.close()
    this.#writer.close()
  }

  /** BEGIN IMMEDIATE; the turn keeps threads apart, so a busy database is another process's doing: a short wait helps. */
  async #begin(): Promise<void> {
    const giveUp = performance.now() + BUSY_LIMIT_MS
    for (;;) {
      try {
        this.#writer.sql('BEGIN IMMEDIATE').run()
        return
      } catch (error) {
        if (!isBusy(error) || performance.now() > giveUp) throw error
      }
      await sleep(BUSY_STEP_MS)
    }
  }

  #run<T>(work: (tx: Tx) => T): T {
    const tx = new WritingTx(this.#writer)
    let result: T
    try {
      result = work(tx)
      if (result instanceof Promise) throw new TypeError('A transaction must be synchronous')
      this.#writer.sql('COMMIT').run()
    } catch (error) {
      if (this.#writer.inTransaction) this.#writer.sql('ROLLBACK').run()
      throw error
    }
    for (const then of tx.after) then()
    return result
  }
}

function open(path: string, cacheKib: number): DbConnection {
  const connection = new DbConnection(path)
  // NORMAL: the log is what is durable first; the WAL follows within the sync line's 100 ms (rules 5 to 7 of the log).
  connection.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    PRAGMA wal_autocheckpoint = 0;
    PRAGMA foreign_keys = on;
    PRAGMA temp_store = memory;
    PRAGMA cache_size = -${cacheKib};
  `)
  return connection
}

/** Opens (and makes) the database of a data directory. Throws what SQLite throws: no room, no permission, not a database. */
export function openDatabase(options: DatabaseOptions): Db {
  return new SqliteDb(options)
}
