/** Puts salvaged rows into a fresh database that nobody else has open: in any order, what does not fit left out and counted. */
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import type { SqlValue } from '../contract.ts'
import type { SalvagedRow } from './salvage.ts'

/** Rows of one transaction. */
const BATCH = 5000

export class Refill {
  readonly #db: DatabaseSync
  readonly #columns = new Map<string, ReadonlySet<string>>()
  #waiting = 0

  /** @param path of a database whose tables are there and empty */
  constructor(path: string) {
    this.#db = new DatabaseSync(path)
    this.#db.exec('PRAGMA foreign_keys = off; PRAGMA synchronous = off; BEGIN')
  }

  /** `there`: a row of the same key has come before; `refused`: the table, its columns or what they may hold are others. */
  insert({ table, columns, values }: SalvagedRow): 'taken' | 'there' | 'refused' {
    if (table === 'sqlite_sequence') return this.#sequence(values)
    const known = this.#columnsOf(table)
    const some = columns.flatMap((name, i) => (known.has(name) ? [{ name, value: values[i] ?? null }] : []))
    if (some.length === 0) return 'refused'
    const names = some.map(({ name }) => `"${name}"`).join(', ')
    const sql = `INSERT OR IGNORE INTO "${table}" (${names}) VALUES (${some.map(() => '?').join(', ')})`
    try {
      const { changes } = this.#db.prepare(sql).run(...some.map(({ value }) => value as SQLInputValue)) // an SqlValue is one
      if (++this.#waiting >= BATCH) this.#commit()
      return changes === 0 ? 'there' : 'taken'
    } catch {
      return 'refused' // STRICT: a value of another type
    }
  }

  /** Runs a statement of the caller's own; answers how many rows it changed. */
  run(sql: string, ...values: SqlValue[]): number {
    return Number(this.#db.prepare(sql).run(...(values as SQLInputValue[])).changes) // as above
  }

  isEmpty(table: string): boolean {
    return this.#db.prepare(`SELECT 1 FROM "${table}" LIMIT 1`).get() === undefined
  }

  close(): void {
    this.#db.exec('COMMIT')
    this.#db.close()
  }

  #commit(): void {
    this.#db.exec('COMMIT; BEGIN')
    this.#waiting = 0
  }

  /** Counters of ids only rise. */
  #sequence([name = null, given = null]: readonly SqlValue[]): 'taken' | 'refused' {
    if (typeof name !== 'string' || typeof given !== 'number' || this.#columnsOf(name).size === 0) return 'refused'
    raiseSequence(this.#db, name, given)
    return 'taken'
  }

  #columnsOf(table: string): ReadonlySet<string> {
    let columns = this.#columns.get(table)
    if (columns === undefined) {
      const rows = this.#db.prepare('SELECT name FROM pragma_table_info(?)').all(table)
      columns = new Set(rows.map(({ name }) => String(name)))
      this.#columns.set(table, columns)
    }
    return columns
  }
}

function raiseSequence(db: DatabaseSync, name: string, given: number): void {
  const update = 'UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?'
  if (db.prepare(update).run(given, name).changes === 0)
    db.prepare('INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)').run(name, given)
}

/** Rows of a whole database, as salvaged ones. Throws what SQLite throws. @param tables names of ours */
export function* rowsOf(path: string, tables: Iterable<string>): Generator<SalvagedRow> {
  const db = new DatabaseSync(path, { readOnly: true })
  try {
    for (const table of tables) {
      if (db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?").get(table) === undefined) continue
      const statement = db.prepare(`SELECT * FROM "${table}"`)
      const columns = statement.columns().map(({ name }) => name)
      statement.setReturnArrays(true)
      for (const row of statement.iterate()) yield { table, columns, values: row as unknown as SqlValue[] } // setReturnArrays, which the types do not say
    }
  } finally {
    db.close()
  }
}

/** Whether SQLite finds the database whole: a look at each page, not at indices. */
export function isSound(path: string): boolean {
  try {
    const db = new DatabaseSync(path, { readOnly: true })
    try {
      return db.prepare('PRAGMA quick_check(1)').get()?.['quick_check'] === 'ok'
    } finally {
      db.close()
    }
  } catch {
    return false
  }
}
