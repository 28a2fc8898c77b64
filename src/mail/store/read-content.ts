/** The octets of messages: prefix and slice as one. */
import { GoneError, type MessageLog, type Position } from '../../io/blobs/mod.ts'
import type { Db } from '../../io/db/mod.ts'
import type { ContentOf } from './contract.ts'
import { positionOf } from './message-rows.ts'
import type { ReadContent } from './search-text.ts'

/** The most that is read at once. */
const READ_LIMIT = 1_048_576

export function contentReader(db: Pick<Db, 'read'>, log: Pick<MessageLog, 'read'>): ReadContent {
  /** Compaction may have moved the content since the row was read: once more, where the row says now (rule 11). */
  const slice = (message: ContentOf, from: number, to: number): Buffer => {
    try {
      return log.read(message.at, from, to)
    } catch (error) {
      const at: Position | undefined = error instanceof GoneError ? positionOf(db.read, message.id) : undefined
      if (at === undefined) throw error
      return log.read(at, from, to)
    }
  }
  return (message, from, to) => {
    const { prefix } = message
    const end = Math.min(to, message.sizeOctets, from + READ_LIMIT)
    if (from >= end) return Buffer.alloc(0)
    if (end <= prefix.length) return prefix.subarray(from, end)
    const rest = slice(message, Math.max(0, from - prefix.length), end - prefix.length)
    return from < prefix.length ? Buffer.concat([prefix.subarray(from), rest]) : rest
  }
}
