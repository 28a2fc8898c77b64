/** What the database says of its own tables, against what this version makes; and counters of ids against the ids there are. */
import type { Reader } from '../../io/db/mod.ts'
import { openMailDatabase } from '../server/database.ts'

const SCHEMA = "SELECT type || ' ' || name, tbl_name || ' ' || coalesce(sql, '') FROM sqlite_schema ORDER BY 1"

/** To be asked where all rooms' tables are at this version's step. */
export function checkTables(reader: Reader, onFinding: (text: string) => void): void {
  const own = openMailDatabase(':memory:')
  try {
    const wanted = new Map(
      own.read
        .sql(SCHEMA)
        .all()
        .map(([name, sql]) => [String(name), String(sql)]),
    )
    const found = new Map(
      reader
        .sql(SCHEMA)
        .all()
        .map(([name, sql]) => [String(name), String(sql)]),
    )
    for (const [name, sql] of wanted)
      if (found.get(name) !== sql)
        onFinding(`${name} is ${found.has(name) ? 'another than this version makes' : 'missing'}`)
    for (const name of found.keys()) if (!wanted.has(name)) onFinding(`${name} is none of ours`)
  } finally {
    own.close()
  }
  for (const [table, given] of reader.sql('SELECT name, seq FROM sqlite_sequence').all()) {
    const known = reader.sql("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?").get(table ?? '')
    if (known === undefined) onFinding(`a counter of ids for ${String(table)}, which is no table`)
    else {
      const last = Number(reader.sql(`SELECT coalesce(max(rowid), 0) FROM "${String(table)}"`).get()?.[0])
      if (Number(given) < last)
        onFinding(`the last id given in ${String(table)} is said to be ${Number(given)}; there is ${last}`)
    }
  }
}
