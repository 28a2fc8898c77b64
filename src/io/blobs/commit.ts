/** What a commit is made of, for records in the thread's segment and for those with a segment of their own. */
import { crc32 } from 'node:zlib'
import type { Clock } from '../../base/mod.ts'
import type { Db, Tx } from '../db/mod.ts'
import type { Position, RecordKind } from './contract.ts'
import type { LogDraft } from './draft.ts'
import { ConsequenceError } from './errors.ts'
import type { FileSystem } from './file-system.ts'
import { recordHeader } from './format.ts'
import { moveWatermark, setState } from './segments.ts'

/** Names of the moments between two writes, for tests that stop the process there. */
export type CrashPoint =
  | 'appended'
  | 'synced'
  | 'committed'
  | 'cut'
  | 'spool-header'
  | 'spool-synced'
  | 'spool-renamed'
  | 'spool-dir-synced'

export interface LogSettings {
  /** The log's own directory. */
  readonly dir: string
  readonly db: Db
  readonly fs?: FileSystem
  readonly clock?: Clock
  /** Octets that all drafts of this thread may hold in memory (`intake_memory_limit`). */
  readonly memoryLimit: number
  /** A segment that has grown beyond this is sealed and the next one opened. */
  readonly segmentLimit?: number
  /** For tests: called at each crash point. */
  readonly onPoint?: (point: CrashPoint) => void
}

/** Where records go. */
export interface LogPlace {
  readonly dir: string
  readonly db: Db
  readonly fs: FileSystem
  readonly onPoint: ((point: CrashPoint) => void) | undefined
}

/** One record on its way. */
export interface Commit {
  readonly kind: RecordKind
  readonly draft: LogDraft
  readonly facts: Buffer
  readonly consequence: (tx: Tx, at: Position) => unknown
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

export interface Laid {
  readonly commit: Commit
  readonly at: Position
}

/** All consequences of a batch and the watermark behind it, in one transaction. Throws ConsequenceError for one that threw. */
export function act(
  db: Db,
  laid: readonly Laid[],
  segment: { readonly number: number; readonly end: number; readonly sealed: boolean },
): Promise<unknown[]> {
  return db.write((tx) => {
    const results = laid.map(({ commit, at }, index) => {
      try {
        return commit.consequence(tx, at)
      } catch (cause) {
        throw new ConsequenceError(index, cause)
      }
    })
    moveWatermark(tx, segment.number, segment.end)
    if (segment.sealed) setState(tx, segment.number, 'sealed')
    return results
  })
}

export function headerOf({ kind, draft, facts }: Commit): Buffer {
  return recordHeader({
    kind,
    id: draft.id,
    contentLength: draft.size,
    contentCrc: draft.contentCrc,
    factsLength: facts.length,
    factsCrc: crc32(facts),
  })
}
