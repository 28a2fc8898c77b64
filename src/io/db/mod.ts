/**
 * The database: connections, write turns, migrations, checkpoints. SQLite in WAL mode.
 * In: SQL texts of the rooms that own the tables. Out: array rows, and transactions in turns.
 * On disk: `mail.db`, `mail.db-wal`, `mail.db-shm`; table `schema_step`, one row a room.
 */
export type { Db, Reader, Schema, SqlValue, Statement, Tx } from './contract.ts'
export { type DatabaseOptions, type HookFailed, openDatabase, type SqliteDb } from './database.ts'
export { isBusy, isFull } from './connection.ts'
export { NewerSchemaError } from './migrate.ts'
export { MAX_THREADS } from './shared.ts'
export { WriteTurn } from './turn.ts'
