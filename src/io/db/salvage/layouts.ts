/** Which table a row found on a page of no known tree belongs to: its number of columns and their types tell. */
import { DatabaseSync } from 'node:sqlite'
import type { SqlValue } from '../contract.ts'

export interface Column {
  readonly name: string
  /** INTEGER, REAL, TEXT, BLOB: all tables are STRICT. */
  readonly type: string
  readonly notNull: boolean
}

export interface Layout {
  readonly table: string
  /** As rows are stored: the key's columns first where there is no rowid. */
  readonly columns: readonly Column[]
  readonly withoutRowid: boolean
  /** Column that is the rowid itself, and NULL in the record; -1 for none. */
  readonly rowidColumn: number
  /** Of an index: its entries look like rows of a table without row numbers, and are none. */
  readonly isIndex?: true
}

/** @param sql `CREATE` statements of tables and indices, from a program or from a database; what cannot be understood is left out */
export function layoutsOf(sql: Iterable<string>): Map<string, Layout> {
  const db = new DatabaseSync(':memory:')
  try {
    for (const statement of sql) {
      try {
        db.exec(statement)
      } catch {
        // damaged text: the program's own layout stands
      }
    }
    const layouts = new Map<string, Layout>()
    const tables = db.prepare("SELECT name, wr FROM pragma_table_list WHERE schema = 'main' AND type = 'table'").all()
    for (const { name, wr } of tables) {
      const layout = layoutOf(db, String(name), wr === 1)
      layouts.set(String(name), layout)
      for (const index of indicesOf(db, layout)) layouts.set(index.table, index)
    }
    return layouts
  } finally {
    db.close()
  }
}

function layoutOf(db: DatabaseSync, table: string, withoutRowid: boolean): Layout {
  const rows = db.prepare('SELECT name, type, "notnull" AS nn, pk FROM pragma_table_info(?) ORDER BY cid').all(table)
  const all = rows.map(({ name, type, nn, pk }) => ({
    name: String(name),
    type: String(type),
    notNull: nn === 1 || (withoutRowid && Number(pk) > 0),
    pk: Number(pk),
  }))
  const key = all.filter(({ pk }) => pk > 0).toSorted((a, b) => a.pk - b.pk)
  const columns = withoutRowid ? [...key, ...all.filter(({ pk }) => pk === 0)] : all
  const [only] = key
  const rowidColumn = !withoutRowid && key.length === 1 && only?.type === 'INTEGER' ? all.indexOf(only) : -1
  return { table, columns, withoutRowid, rowidColumn }
}

function indicesOf(db: DatabaseSync, { table, columns }: Layout): Layout[] {
  const names = db.prepare(
    "SELECT name FROM pragma_index_list(?) WHERE origin <> 'pk' OR name IN (SELECT name FROM sqlite_schema)",
  )
  return names.all(table).map(({ name }) => {
    const entries = db.prepare('SELECT name FROM pragma_index_xinfo(?) ORDER BY seqno').all(String(name))
    const own = entries.map((entry) => {
      const column = columns.find((one) => one.name === entry['name'])
      return column ?? { name: 'rowid', type: 'INTEGER', notNull: true }
    })
    return { table: String(name), columns: own, withoutRowid: true, rowidColumn: -1, isIndex: true as const }
  })
}

/** Whether a record can be a row of the table; columns that were added later may be missing at its end. */
export function fits(layout: Layout, values: readonly SqlValue[]): boolean {
  const { columns, rowidColumn } = layout
  if (values.length > columns.length) return false
  return columns.every(({ type, notNull }, i) => {
    const value = values[i]
    if (value === undefined) return true
    if (i === rowidColumn) return value === null
    if (value === null) return !notNull
    return isOf(type, value)
  })
}

function isOf(type: string, value: SqlValue): boolean {
  switch (type) {
    case 'INTEGER':
      return typeof value === 'bigint' || Number.isInteger(value)
    case 'REAL':
      return typeof value === 'number'
    case 'TEXT':
      return typeof value === 'string'
    default:
      return type !== 'BLOB' || value instanceof Uint8Array
  }
}
