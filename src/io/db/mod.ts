/**
 * The database: connections, write turns, migrations, checkpoints. SQLite in WAL mode.
 * In: SQL texts of the rooms that own the tables. Out: array rows, and transactions in turns.
 */
export type { Db, Reader, Schema, SqlValue, Statement, Tx } from './contract.ts'
export { type DatabaseOptions, openDatabase } from './database.ts'
export { isBusy, isFull } from './connection.ts'
export { NewerSchemaError } from './migrate.ts'
export { MAX_THREADS, WriteTurn } from './turn.ts'
