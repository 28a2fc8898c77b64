/**
 * The message log: content in append-only segments, durable by group commit.
 * In: drafts from intake and the store. Out: positions, and octets by position.
 * On disk: `<data>/log/NNNNNNNNNN.log` (format.ts), `next-segment`, `spool-*`; table `segment`, one row a file.
 *
 * What a kill or a power cut leaves, and what the next start makes of it (tests: crash.test.ts):
 *
 * | stopped after | on disk | same boot | another boot |
 * | --- | --- | --- | --- |
 * | append | octets beyond the watermark, perhaps torn | cut | whole records taken in, the torn one cut |
 * | fdatasync | whole records beyond the watermark | cut: no reply was sent | taken in |
 * | commit, before the reply | watermark behind the records | kept: the one double that is allowed | kept, or taken in if the WAL lost it |
 * | truncate of a cut-back, before its sync | nothing beyond the watermark, or the batch again | cut | taken in: its client got no reply, and may retry |
 * | spool header or its sync | `spool-…`, a row without a file | both removed | both removed: no reply before the rename |
 * | rename of a spool, before the directory's sync | segment or spool, row at 0 | removed | taken in if the segment's name survived |
 * | directory sync, before the transaction | segment, row at 0 | removed | taken in |
 * | new number, before its row | a gap in the numbers | nothing | nothing |
 * | new row, before the file | a row without a file | row removed | row removed |
 * | dead committed, before unlink | a dead row and its file | reaped | reaped |
 * | unlink, before the row goes | a dead row | row removed | row removed |
 */
export type { Draft, MessageLog, Position, RecordKind, Replay } from './contract.ts'
export type { CrashPoint, LogSettings } from './commit.ts'
export { GoneError, LogBrokenError, LogFailedError, LogFullError } from './errors.ts'
export { type FileSystem, realFileSystem } from './file-system.ts'
export { type LogTrouble, SegmentLog } from './log.ts'
export type { ContentOwner } from './owners.ts'
export { type MiscountedSegment, reapDeadSegments, type UpkeepOptions } from './reap.ts'
export { recover, type RecoverOptions, type RecoveryReport } from './recover.ts'
export { logSchema, releaseContent, retainContent } from './segments.ts'
