/** All rows of an SQL source that a `.cf` file describes: `pgsql:FILE`, `mysql:FILE`, `sqlite:FILE`. */
import { DatabaseSync } from 'node:sqlite'
import { resolve } from 'node:path'
import { systemClock, systemText } from '#src/base/mod.ts'
import { TableError } from './errors.ts'
import { mysqlDriver } from './remote/mysql.ts'
import { pgsqlDriver } from './remote/pgsql.ts'
import { type RemoteOptions, TableSettings } from './remote/settings.ts'
import { type SqlRows, sqlRows } from './remote/sql.ts'

export const ROW_TYPES: readonly string[] = ['pgsql', 'mysql', 'sqlite']

/** The query is asked as it stands. Throws TableError. */
export async function tableRows(
  type: string,
  name: string,
  directory: string,
  parameter: (name: string) => string | undefined,
): Promise<SqlRows> {
  const options: RemoteOptions = {
    name,
    file: resolve(directory, name),
    directory,
    clock: systemClock,
    parameter,
    matchDomain: () => () => Promise.resolve(undefined),
    open: (other) => {
      throw new TableError('configuration', other, 'no table inside')
    },
  }
  if (type === 'pgsql') return sqlRows(options, pgsqlDriver, type)
  if (type === 'mysql') return sqlRows(options, mysqlDriver, type)
  if (type === 'sqlite') return sqliteRows(new TableSettings(type, options))
  throw new TableError('configuration', `${type}:${name}`, `unsupported dictionary type: ${type}`)
}

function sqliteRows(source: TableSettings): SqlRows {
  try {
    const db = new DatabaseSync(source.required('dbpath'), { readOnly: true })
    try {
      const statement = db.prepare(source.required('query'))
      statement.setReturnArrays(true)
      // Arrays: the statement was told so, which its type cannot say.
      const rows = statement.all() as unknown as (string | number | bigint | null | Uint8Array)[][]
      return rows.map((row) =>
        row.map((value) =>
          value instanceof Uint8Array ? Buffer.from(value).toString() : value === null ? null : `${value}`,
        ),
      )
    } finally {
      db.close()
    }
  } catch (error) {
    if (error instanceof TableError) throw error
    throw new TableError('unavailable', source.table, systemText(error), error)
  }
}
