/**
 * The message log: content in append-only segments, durable by group commit.
 * In: drafts from intake and the store. Out: positions, and octets by position.
 * On disk: `<data>/log/NNNNNNNNNN.log` (format.ts), `given`, `spool-*`; table `segment`, one row a file.
 *
 * A room whose rows hold a position calls `retainContent` when it makes one and `releaseContent` when it goes, in the same
 * transaction. A consequence may be run twice, with another position, when the first transaction was rolled back.
 * LogFullError is 452 or `NO [LIMIT]`, LogFailedError 451 or `NO [SERVERBUG]`; LogBrokenError closes the connection without a
 * reply, for it is not known whether the message will be there after the next start.
 *
 * What a kill or a power cut leaves, and what the next start makes of it (test/message-log*.test.ts, test/stress/message-log.ts):
 *
 * | stopped after | on disk | same boot | another boot, or a copy |
 * | --- | --- | --- | --- |
 * | number given, row not committed | a gap in the numbers | nothing | nothing |
 * | row committed, no file | a row without a file | the row goes | the row goes; lost with the WAL, nothing |
 * | segment created | an empty segment, its row at 0 | sealed, reaped | the same; its row lost: adopted, empty |
 * | append | octets beyond the watermark, perhaps torn | cut | whole records taken in, the rest cut |
 * | fdatasync | whole records beyond the watermark | cut: no reply was sent | taken in |
 * | commit, before the reply | the watermark behind them | kept: the one double allowed | kept; lost with the WAL, taken in |
 * | the reply | the same | kept | the same: nothing acknowledged is missing |
 * | failed commit, before the cut-back | records beyond the watermark | cut | taken in: their clients got no reply |
 * | truncate of the cut-back, not synced | nothing, or the batch again | nothing to cut, or cut | none or all of it, as above |
 * | cut-back synced | nothing beyond the watermark | nothing to do | nothing to do: 4xx was true |
 * | two segments, one failing | each has its own watermark | each by itself | each by itself |
 * | spool, its facts or header | `spool-…`, perhaps a row | both go | both go: no reply before the rename |
 * | rename, directory not synced | a spool or a segment, its row at 0 | cut to nothing, reaped | a segment is taken in, a spool goes |
 * | directory synced | a segment, its row at 0 | cut to nothing, reaped | taken in; its row lost: adopted and taken in |
 * | dead committed | a dead row and its file | reaped | reaped; lost with the WAL, live again |
 * | WAL synced, unlinked | a dead row, the file there or not | reaped, row removed | the same |
 * | row removed | nothing; the file, if its directory lost that | removed: its number was given | the same |
 * | content moved by compaction | the same octets twice, rows at one | as committed | the same; lost with the WAL, rows at the old place, which is there |
| recovery, anywhere | some records taken in, each with its watermark | done again | done again: the last run is forgotten last |
 *
 * "Given" (rule 9) is what the database itself knows: a power cut takes back a segment's row together with that knowledge, and
 * the file is adopted, not removed. So no commit has to wait until the row of its segment is durable.
 */
export type { Draft, MessageLog, Position, RecordKind, Replay } from './contract.ts'
export { type CompactOptions, compactSegments } from './compact.ts'
export type { CrashPoint, LogSettings } from './commit.ts'
export { GoneError, LogBrokenError, LogFailedError, LogFullError } from './errors.ts'
export { type FileSystem, realFileSystem } from './file-system.ts'
export { type LogTrouble, SegmentLog } from './log.ts'
export { type Origin, originOf } from './origin.ts'
export { type ContentOwner, ownerOf, referredPositions } from './owners.ts'
export { type MiscountedSegment, reapDeadSegments, type UpkeepOptions } from './reap.ts'
export { recover, type RecoverOptions, type RecoveryReport } from './recover.ts'
export {
  type DamagedOctets,
  IDENTITY_OCTETS,
  recordAt,
  type Scanned,
  type ScannedRecord,
  scanSegment,
  segmentFiles,
  segmentIdentity,
} from './scan.ts'
export { logSchema, releaseContent, retainContent, segmentPath, type SegmentRow, segmentRows } from './segments.ts'
