/** Rows that point into the log at what is not there any more: the same content may lie elsewhere, where compaction moved it. */
import type { SqliteDb } from '../../io/db/mod.ts'
import type { RepairNote } from './notes.ts'

/** Rows looked at in one transaction. */
const BATCH = 500

const ASTRAY = (table: string): string =>
  `SELECT t.id FROM ${table} t WHERE t.id > ? AND NOT EXISTS (
     SELECT 1 FROM mend_record r WHERE r.segment = t.segment AND r.offset = t.offset AND r.length = t.length) ORDER BY t.id LIMIT ${BATCH}`

/** Answers how many messages were found elsewhere, and of how many the content is gone. */
export async function mendPositions(
  db: SqliteDb,
  onNote: (note: RepairNote) => void,
): Promise<{ found: number; gone: number }> {
  let [found, gone] = [0, 0]
  for (let after = 0, ids: number[]; ; after = ids.at(-1) ?? 0) {
    ids = db.read
      .sql(ASTRAY('message'))
      .all(after)
      .map(([id]) => Number(id))
    if (ids.length === 0) break
    await db.write((tx) => {
      for (const id of ids) {
        const { changes } = tx
          .sql(
            `UPDATE message SET (segment, offset) = (SELECT r.segment, r.offset FROM mend_record r WHERE r.id = record_id AND r.length = message.length LIMIT 1)
             WHERE id = ?1 AND EXISTS (SELECT 1 FROM mend_record r WHERE r.id = record_id AND r.length = message.length)`,
          )
          .run(id)
        if (changes > 0) found++
        else {
          gone++
          const [account, mailbox, uid] = tx.sql('SELECT account, mailbox, uid FROM message WHERE id = ?').get(id) ?? []
          onNote({ account: Number(account), mailbox: Number(mailbox), uid: Number(uid), text: 'its content is gone' })
        }
      }
    })
  }
  for (let after = 0, ids: number[]; ; after = ids.at(-1) ?? 0) {
    ids = db.read
      .sql(ASTRAY('queue_message'))
      .all(after)
      .map(([id]) => Number(id))
    if (ids.length === 0) break
    for (const id of ids) {
      gone++
      const [queueId] = db.read.sql('SELECT queue_id FROM queue_message WHERE id = ?').get(id) ?? []
      onNote({ queueId: String(queueId), text: 'its content is gone: it waits on hold, to be deleted' })
    }
    await db.write((tx) =>
      tx.sql('UPDATE queue_message SET hold = 1 WHERE id IN (SELECT value FROM json_each(?))').run(JSON.stringify(ids)),
    )
  }
  return { found, gone }
}
