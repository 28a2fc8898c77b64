/**
 * The database: connections, write turns, migrations, checkpoints. SQLite in WAL mode.
 * In: SQL texts of the rooms that own the tables. Out: array rows, and transactions in turns.
 * On disk: `mail.db`, `mail.db-wal`, `mail.db-shm`, `server.lock`; tables `schema_step`, one row a room, and `server_state`.
 *
 * A server: `takeServerLock`, `openDatabase`, `lastRun`, recovery of the log (and the margins of rule 7 before it, when the last
 * run ended in a power cut), `beginRun`, work; at the end `endRun`, `close`, `release`. Upkeep runs one `SyncLine` and
 * one `Checkpointer`. Whoever sees a thread die calls `WriteTurn.bury`.
 */
export type { Db, Reader, Schema, SqlValue, Statement, Tx } from './contract.ts'
export { type DatabaseOptions, type HookFailed, openDatabase, type SqliteDb, type WalSize } from './database.ts'
export { type CheckpointFailed, Checkpointer, type CheckpointSettings } from './checkpointer.ts'
export { type SyncFailed, SyncLine } from './sync-line.ts'
export { becameOlder, beginRun, currentBootId, endRun, type LastRun, lastRun } from './run-state.ts'
export { type ServerLock, serverLockHolder, ServerRunsError, takeServerLock } from './server-lock.ts'
export { isBusy, isDamaged, isFailing, isFull } from './connection.ts'
export { NewerSchemaError } from './migrate.ts'
export { layoutsOf, type Layout } from './salvage/layouts.ts'
export { isSound, Refill, rowsOf } from './salvage/refill.ts'
export { type Damage, Salvage, type SalvagedRow } from './salvage/salvage.ts'
export { MAX_THREADS } from './shared.ts'
export { SnapshotError, type SnapshotRun, startSnapshot } from './snapshot.ts'
export { WriteTurn } from './turn.ts'
