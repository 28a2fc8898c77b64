/** The table of segments made anew from the files and from what refers to them. */
import { statSync } from 'node:fs'
import { segmentFiles, segmentPath } from '../../io/blobs/mod.ts'
import type { SqliteDb } from '../../io/db/mod.ts'

const COUNT = `UPDATE segment SET live_octets = coalesce((SELECT sum(length) FROM (
  SELECT length FROM message m WHERE m.segment = segment.number
  UNION ALL SELECT length FROM queue_message q WHERE q.segment = segment.number)), 0)`

/**
 * @param acted all that lies in the log has been acted on, by the repair: no start takes it in once more. Otherwise the watermarks
 *   stand as they were, and the next start takes in what lies beyond them, as after a power cut.
 */
export function mendSegments(db: SqliteDb, dir: string, acted: boolean): Promise<void> {
  const files = segmentFiles(dir)
  return db.write((tx) => {
    if (acted) {
      const seal = tx.sql(
        `INSERT INTO segment (number, state, watermark) VALUES (?1, 'sealed', ?2)
         ON CONFLICT DO UPDATE SET state = 'sealed', watermark = ?2`,
      )
      for (const number of files) seal.run(number, statSync(segmentPath(dir, number)).size)
    }
    tx.sql(COUNT).run()
    const known = JSON.stringify(files)
    tx.sql('DELETE FROM segment WHERE live_octets = 0 AND number NOT IN (SELECT value FROM json_each(?))').run(known)
    // A row whose file is gone and that is referred to stays: the start says that content is missing.
    tx.sql(
      `INSERT OR IGNORE INTO segment (number, state, watermark, live_octets)
       SELECT segment, 'sealed', max(offset + length), sum(length) FROM message
       WHERE segment NOT IN (SELECT number FROM segment) GROUP BY segment`,
    ).run()
    const given = Number(
      tx
        .sql('SELECT max(coalesce((SELECT max(number) FROM segment_given), 0), coalesce(max(number), 0)) FROM segment')
        .get()?.[0],
    )
    // Where the watermarks stand, a file of a higher number is one that the database does not know yet.
    const last = acted ? Math.max(given, ...files) : given
    tx.sql('DELETE FROM segment_given').run()
    tx.sql('INSERT INTO segment_given VALUES (?)').run(last)
  })
}
