/** A thread's pair of connections: one that writes in turns, one that reads what is committed. */
import { setTimeout as sleep } from 'node:timers/promises'
import { publish } from '../../base/mod.ts'
import { DbConnection, isBusy } from './connection.ts'
import type { Db, Reader, Schema, Statement, Tx } from './contract.ts'
import { migrate } from './migrate.ts'
import { CELL } from './shared.ts'
import { WriteTurn } from './turn.ts'
import { WalFile } from './wal-file.ts'

export interface DatabaseOptions {
  /** A file, or `:memory:` for tests of one thread that need no crash to survive. */
  readonly path: string
  readonly schemas: readonly Schema[]
  /** The lock between the server's threads; without it the connection is alone in its process. */
  readonly turn?: WriteTurn
  /** Another thread has brought the tables up to date. */
  readonly migrated?: boolean
  /** For tools that only look; the file must exist and be up to date. `write` throws. */
  readonly readOnly?: boolean
}

/** Another process may hold the write lock this long before a transaction gives up. */
const BUSY_LIMIT_MS = 30_000
const BUSY_STEP_MS = 2

/** Memory for pages, a connection: the reader's is small, mailbox pages are kept as views. */
const CACHE_KIB = { writer: 4096, reader: 2048 }

/** A WAL that grew beyond this is cut when it starts anew. */
const WAL_KEPT_OCTETS = 64 * 1024 * 1024

/** A hook of `afterCommit` threw: its transaction stands all the same. */
export interface HookFailed {
  readonly event: 'db.hook-failed'
  readonly error: unknown
}

/** How long the WAL is, and whether all of it is in the database file. */
export interface WalSize {
  readonly octets: number
  readonly whole: boolean
}

/** Octets in front of each page in the WAL. */
const WAL_FRAME_HEADER = 24

const COUNT_RESTART = `INSERT INTO server_state VALUES ('wal_restarts', '1')
  ON CONFLICT (key) DO UPDATE SET value = CAST(value AS INTEGER) + 1`

class WritingTx implements Tx {
  readonly writing = true
  readonly after: (() => void)[] = []
  readonly #before: (() => void)[] = []
  readonly #connection: DbConnection
  #open = true

  constructor(connection: DbConnection) {
    this.#connection = connection
  }

  sql(text: string): Statement {
    if (!this.#open) throw new TypeError('The transaction is over')
    return this.#connection.sql(text)
  }

  beforeCommit(work: () => void): void {
    this.#before.push(work)
  }

  /** All that was gathered is written; what that gathers anew, too. */
  settle(): void {
    for (let work; (work = this.#before.shift()) !== undefined;) work()
  }

  end(): void {
    this.#open = false
  }
}

/** The database over SQLite; besides `Db` what upkeep needs. */
export class SqliteDb implements Db {
  readonly path: string
  readonly #writer: DbConnection
  readonly #reader: DbConnection
  readonly #turn: WriteTurn
  readonly #wal: WalFile | undefined
  readonly #cells: Int32Array

  constructor(options: DatabaseOptions) {
    this.path = options.path
    this.#turn = options.turn ?? new WriteTurn()
    this.#cells = new Int32Array(this.#turn.memory)
    const inMemory = options.path === ':memory:'
    this.#wal = inMemory ? undefined : new WalFile(options.path)
    if (options.readOnly === true) {
      this.#reader = this.#writer = new DbConnection(options.path, { readOnly: true })
      return
    }
    this.#writer = open(options.path, CACHE_KIB.writer)
    if (options.migrated !== true) migrate(this.#writer, options.schemas)
    // A database in memory is its connection's alone; reads never meet a transaction, which is synchronous.
    this.#reader = inMemory ? this.#writer : open(options.path, CACHE_KIB.reader)
    if (!inMemory) this.#reader.exec('PRAGMA query_only = on')
  }

  get read(): Reader {
    return this.#reader
  }

  /** The block that the threads of the server share. */
  get memory(): SharedArrayBuffer {
    return this.#turn.memory
  }

  /** Commits of all threads since the block was made. */
  get commits(): number {
    return Atomics.load(this.#cells, CELL.commits)
  }

  get syncs(): number {
    return Atomics.load(this.#cells, CELL.syncs)
  }

  get walFull(): boolean {
    return Atomics.load(this.#cells, CELL.walFull) === 1
  }

  get readOnly(): boolean {
    return Atomics.load(this.#cells, CELL.readOnly) === 1
  }

  setWalFull(full: boolean): void {
    Atomics.store(this.#cells, CELL.walFull, full ? 1 : 0)
  }

  turnReadOnly(): void {
    Atomics.store(this.#cells, CELL.readOnly, 1)
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

  async syncWal(): Promise<void> {
    await this.#wal?.sync()
  }

  /** A passive checkpoint: as much as readers allow, waiting for nobody. */
  checkpoint(): WalSize {
    // The pragma's row: busy, pages in the WAL, pages of these in the database file by now.
    const row = this.#writer.sql('PRAGMA wal_checkpoint(PASSIVE)').get() ?? []
    const [, pages, done] = row.map(Number)
    const pageSize = Number(this.#writer.sql('PRAGMA page_size').get()?.[0])
    return { octets: Math.max(0, pages ?? 0) * (pageSize + WAL_FRAME_HEADER), whole: pages === done }
  }

  /**
   * Lets the WAL begin anew, with a row of our own first in it. False: a reader was in the way.
   * Holds the write turn while what came in since the last checkpoint is written.
   */
  async restartWal(): Promise<boolean> {
    await this.#turn.take()
    try {
      const [busy] = this.#writer.sql('PRAGMA wal_checkpoint(RESTART)').get() ?? []
      if (busy !== 0) return false
      await this.#begin()
      this.#run((tx) => tx.sql(COUNT_RESTART).run())
      return true
    } finally {
      this.#turn.release()
    }
  }

  close(): void {
    this.#wal?.close()
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
      if (isThenable(result)) throw new TypeError('A transaction must be synchronous')
      tx.settle()
      this.#writer.sql('COMMIT').run()
    } catch (error) {
      // Some failures (no room, I/O) have rolled back already.
      if (this.#writer.inTransaction) this.#writer.sql('ROLLBACK').run()
      throw error
    } finally {
      tx.end()
    }
    Atomics.add(this.#cells, CELL.commits, 1)
    Atomics.notify(this.#cells, CELL.commits)
    for (const then of tx.after) runHook(then)
    return result
  }
}

/** What is committed stays so: a hook that throws must not look like a transaction that failed. */
function runHook(then: () => void): void {
  try {
    then()
  } catch (error) {
    publish<HookFailed>({ event: 'db.hook-failed', error })
  }
}

function isThenable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

function open(path: string, cacheKib: number): DbConnection {
  const connection = new DbConnection(path)
  // NORMAL: the log is what is durable first; the WAL follows within the sync line's 100 ms (rules 5 to 7 of the log).
  connection.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    PRAGMA wal_autocheckpoint = 0;
    PRAGMA journal_size_limit = ${WAL_KEPT_OCTETS};
    PRAGMA foreign_keys = on;
    PRAGMA temp_store = memory;
    PRAGMA cache_size = -${cacheKib};
  `)
  return connection
}

/** Opens (and makes) the database of a data directory. Throws what SQLite throws: no room, no permission, not a database. */
export function openDatabase(options: DatabaseOptions): SqliteDb {
  return new SqliteDb(options)
}
