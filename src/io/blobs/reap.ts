/** Upkeep of the log: segments that nothing refers to any more lose their files (rule 9). */
import type { Db } from '../db/mod.ts'
import type { FileSystem } from './file-system.ts'
import { segmentPath } from './segments.ts'

/** Segments dealt with in one step at the most. */
const REAP_LIMIT = 16

/**
 * Dead committed, WAL synced, file unlinked, directory synced, row removed: stopped anywhere, nothing that is referred to is
 * lost and no number is used again.
 * @returns how many segments went
 */
export async function reapDeadSegments({ db, fs, dir }: { db: Db; fs: FileSystem; dir: string }): Promise<number> {
  const dead = await db.write((tx) => {
    tx.sql("UPDATE segment SET state = 'dead' WHERE state = 'sealed' AND live_octets <= 0").run()
    return tx
      .sql("SELECT number FROM segment WHERE state = 'dead' LIMIT ?")
      .all(REAP_LIMIT)
      .map(([number]) => Number(number))
  })
  if (dead.length === 0) return 0
  await db.syncWal()
  const files = new Set(fs.list(dir))
  for (const number of dead) if (files.has(segmentPath('', number))) fs.unlink(segmentPath(dir, number))
  fs.syncDirectory(dir)
  await db.write((tx) => {
    for (const number of dead) tx.sql('DELETE FROM segment WHERE number = ?').run(number)
  })
  return dead.length
}
