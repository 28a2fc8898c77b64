/** Brings the tables of each room up to date: steps are run once, in order, in one transaction a room. */
import type { DbConnection } from './connection.ts'
import type { Schema } from './contract.ts'

/** The database was written by a newer Postigo; nothing is touched. */
export class NewerSchemaError extends Error {}

/** This room's own table: how the server ran (run-state.ts), how often the WAL began anew. */
const own: Schema = {
  room: 'io/db',
  steps: ['CREATE TABLE server_state (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID'],
}

export function migrate(connection: DbConnection, schemas: readonly Schema[]): void {
  connection.exec('CREATE TABLE IF NOT EXISTS schema_step (room TEXT PRIMARY KEY, steps INTEGER NOT NULL) STRICT')
  for (const schema of [own, ...schemas]) migrateRoom(connection, schema)
}

function migrateRoom(connection: DbConnection, { room, steps }: Schema): void {
  connection.exec('BEGIN IMMEDIATE')
  try {
    const done = Number(connection.sql('SELECT steps FROM schema_step WHERE room = ?').get(room)?.[0] ?? 0)
    if (done > steps.length) {
      throw new NewerSchemaError(`the tables of ${room} are at step ${done}, this program knows ${steps.length}`)
    }
    for (const step of steps.slice(done)) connection.exec(step)
    connection.sql('INSERT OR REPLACE INTO schema_step VALUES (?, ?)').run(room, steps.length)
    connection.exec('COMMIT')
  } catch (error) {
    if (connection.inTransaction) connection.exec('ROLLBACK')
    throw error
  }
}
