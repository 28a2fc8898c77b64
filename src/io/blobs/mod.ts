/**
 * The message log: content in append-only segments, durable by group commit.
 * In: drafts from intake and the store. Out: positions, and octets by position.
 */
export type { Draft, LogOptions, MessageLog, Position, RecordKind, Replay } from './contract.ts'
