/** What can go wrong with the log, as its callers must tell it apart. */
import { isFull } from '../db/mod.ts'

/** No room on the disk: 452 4.3.1, `NO [LIMIT]`. Nothing of the message was kept; it works again when there is room. */
export class LogFullError extends Error {}

/** The message could not be made durable, and nothing of it is left: 451 4.3.0, `NO [SERVERBUG]`. */
export class LogFailedError extends Error {}

/**
 * A batch could neither be made durable nor taken back: what is on disk is unknown. The connection must be closed without
 * a reply, and the server is read-only from here on (rule 4).
 */
export class LogBrokenError extends Error {}

/** The segment is no longer there: it was compacted, or the content was released. Look the position up once more. */
export class GoneError extends Error {}

/** The consequence of one record of a batch threw: a defect that must not take the others with it. */
export class ConsequenceError extends Error {
  readonly index: number
  constructor(index: number, cause: unknown) {
    super('the consequence of a record failed', { cause })
    this.index = index
  }
}

export function isNoRoom(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : ''
  return code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG' || isFull(error)
}

/** Turns what the file system or SQLite threw into what callers tell apart. */
export function asLogError(error: unknown, what: string): LogFullError | LogFailedError | LogBrokenError {
  if (error instanceof LogFullError || error instanceof LogFailedError || error instanceof LogBrokenError) return error
  const text = `${what}: ${error instanceof Error ? error.message : String(error)}`
  return isNoRoom(error) ? new LogFullError(text, { cause: error }) : new LogFailedError(text, { cause: error })
}
