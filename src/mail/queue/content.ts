/** The queue's rows as owners of content in the log: compaction asks what is referred to, and moves it. */
import type { ContentOwner } from '../../io/blobs/mod.ts'

const POSITIONS =
  'SELECT segment, offset, length FROM queue_message WHERE segment = ? AND offset >= ? ORDER BY offset LIMIT ?'
const MOVE = 'UPDATE queue_message SET segment = ?, offset = ? WHERE segment = ? AND offset = ?'

export const queueContent: ContentOwner = {
  positions: (reader, segment, fromOffset, limit) =>
    reader
      .sql(POSITIONS)
      .all(segment, fromOffset, limit)
      .map(([at, offset, length]) => ({ segment: Number(at), offset: Number(offset), length: Number(length) })),
  move: (tx, from, to) => tx.sql(MOVE).run(to.segment, to.offset, from.segment, from.offset).changes,
}
