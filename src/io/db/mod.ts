/**
 * The database: connections, write turns, migrations, checkpoints. SQLite in WAL mode.
 */
export type { Db, Reader, Schema, SqlValue, Statement, Tx } from './contract.ts'
