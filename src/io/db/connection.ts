/** One SQLite connection with its statements, kept by their text; rows are arrays. */
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import type { Reader, SqlValue, Statement } from './contract.ts'

class Prepared implements Statement {
  readonly #statement: StatementSync

  constructor(statement: StatementSync) {
    statement.setReturnArrays(true)
    this.#statement = statement
  }

  run(...values: SqlValue[]): { readonly changes: number; readonly lastInsertRowid: number } {
    const { changes, lastInsertRowid } = this.#statement.run(...values)
    return { changes: Number(changes), lastInsertRowid: Number(lastInsertRowid) }
  }

  get(...values: SqlValue[]): SqlValue[] | undefined {
    // setReturnArrays: a row is an array, which the types of node:sqlite do not say.
    return this.#statement.get(...values) as unknown as SqlValue[] | undefined
  }

  all(...values: SqlValue[]): SqlValue[][] {
    return this.#statement.all(...values) as unknown as SqlValue[][] // as above
  }
}

export class DbConnection implements Reader {
  readonly #db: DatabaseSync
  readonly #statements = new Map<string, Prepared>()

  constructor(path: string, options: { readonly readOnly?: boolean } = {}) {
    this.#db = new DatabaseSync(path, { readOnly: options.readOnly ?? false, timeout: 0 })
  }

  sql(text: string): Statement {
    let statement = this.#statements.get(text)
    if (statement === undefined) {
      statement = new Prepared(this.#db.prepare(text))
      this.#statements.set(text, statement)
    }
    return statement
  }

  exec(text: string): void {
    this.#db.exec(text)
  }

  get inTransaction(): boolean {
    return this.#db.isTransaction
  }

  close(): void {
    this.#statements.clear()
    if (this.#db.isOpen) this.#db.close()
  }
}

/** SQLITE_BUSY and its kin: another process writes just now. */
export function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && (Number(error.errcode) & 0xff) === 5
}

/** SQLITE_IOERR: the file system could not read or write. */
export function isFailing(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && (Number(error.errcode) & 0xff) === 10
}

/** SQLITE_FULL, or the file system's own word for it. */
export function isFull(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && (Number(error.errcode) & 0xff) === 13
}

/** SQLITE_CORRUPT, SQLITE_NOTADB: the file is not what SQLite wrote. */
export function isDamaged(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && [11, 26].includes(Number(error.errcode) & 0xff)
}
