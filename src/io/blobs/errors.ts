/** What can go wrong with the log, as its callers must tell it. */

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

/** Turns what the file system or SQLite threw into what callers tell apart. */
export function asLogError(error: unknown, what: string): LogFullError | LogFailedError {
  if (error instanceof LogFullError || error instanceof LogFailedError) return error
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const full = code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG' || isSqliteFull(error)
  const text = `${what}: ${error instanceof Error ? error.message : String(error)}`
  return full ? new LogFullError(text, { cause: error }) : new LogFailedError(text, { cause: error })
}

/** SQLITE_FULL is 13. */
function isSqliteFull(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && (Number(error.errcode) & 0xff) === 13
}
