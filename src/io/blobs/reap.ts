/** Upkeep of the log: segments that nothing refers to any more lose their files (rule 9). */
import { publish } from '../../base/mod.ts'
import type { Db } from '../db/mod.ts'
import { type FileSystem, realFileSystem } from './file-system.ts'
import { type ContentOwner, isReferred } from './owners.ts'
import { deleteSegment, segmentOfName, segmentPath, setState } from './segments.ts'

/** Segments dealt with in one step at the most. */
const REAP_LIMIT = 16

export interface UpkeepOptions {
  readonly db: Db
  readonly dir: string
  readonly fs?: FileSystem
  /** Asked once more before a file goes; without them the count alone decides. */
  readonly owners?: readonly ContentOwner[]
  /**
   * Somebody copies the segments that a snapshot knows: none may die now. Asked in the transaction in which they would; a snapshot that is
   * begun after that, and before it is committed, still has them without any reference.
   */
  readonly isHeld?: () => boolean
}

/** The count says that nothing refers to a segment, and an owner says otherwise: a defect. The segment stays. */
export interface MiscountedSegment {
  readonly event: 'log.miscounted'
  readonly segment: number
}

/**
 * Dead committed, WAL synced, file unlinked, directory synced, row removed: stopped anywhere, nothing that is referred to is
 * lost and no number is used again.
 * @returns how many segments went
 */
export async function reapDeadSegments(options: UpkeepOptions): Promise<number> {
  const { db, dir, fs = realFileSystem } = options
  const dead = await markDead(options)
  if (dead.length === 0) return 0
  await db.syncWal()
  const files = new Set(fs.list(dir).map(segmentOfName))
  for (const number of dead) if (files.has(number)) fs.unlink(segmentPath(dir, number))
  await fs.syncDirectory(dir)
  await db.write((tx) => {
    for (const number of dead) deleteSegment(tx, number)
  })
  return dead.length
}

/** A look first, so that upkeep writes nothing where there is nothing to do. */
async function markDead({ db, owners = [], isHeld = () => false }: UpkeepOptions): Promise<number[]> {
  const unused = "SELECT number FROM segment WHERE state = 'dead' OR (state = 'sealed' AND live_octets <= 0) LIMIT ?"
  if (db.read.sql(unused).get(1) === undefined) return []
  const miscounted: number[] = []
  const dead = await db.write((tx) => {
    if (isHeld()) return []
    const numbers = tx
      .sql(unused)
      .all(REAP_LIMIT)
      .map(([number]) => Number(number))
    miscounted.push(...numbers.filter((number) => isReferred(owners, tx, number)))
    const gone = numbers.filter((number) => !miscounted.includes(number))
    for (const number of gone) setState(tx, number, 'dead')
    return gone
  })
  for (const segment of miscounted) publish<MiscountedSegment>({ event: 'log.miscounted', segment })
  return dead
}
