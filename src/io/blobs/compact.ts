/**
 * Upkeep of the log: what is still referred to in a mostly dead segment is written once more, and the segment dies
 * (rule 11). A moved record says what its content was before (origin.ts), and its replay is nothing: while its transaction may still be lost in a power cut, the old segment is there,
 * for that goes only after the WAL is synced (reap.ts).
 */
import type { MessageLog, Position } from './contract.ts'
import { Origins } from './origin.ts'
import { type ContentOwner, referredPositions } from './owners.ts'
import type { UpkeepOptions } from './reap.ts'
import { READ_LIMIT } from './reader.ts'
import { releaseContent, retainContent } from './segments.ts'

/** A segment of which less than this part is referred to is worth the writing. */
const MOSTLY_DEAD = 0.25
/** Records and octets moved with one sync: one small batch, so that mail that comes in hardly waits. */
const BATCH_RECORDS = 64
const BATCH_OCTETS = 4 * 1024 * 1024
/** Octets moved in one step at the most. */
const STEP_OCTETS = 64 * 1024 * 1024

export interface CompactOptions extends UpkeepOptions {
  /** The log that takes what is moved. */
  readonly log: MessageLog
  /** All whose rows hold positions: content of others would be lost. */
  readonly owners: readonly ContentOwner[]
}

/**
 * One step: empties the deadest segments. Their files go with the next `reapDeadSegments`.
 * @returns octets moved
 */
export async function compactSegments(options: CompactOptions, signal?: AbortSignal): Promise<number> {
  let moved = 0
  for (const segment of mostlyDead(options)) {
    moved += await empty(options, segment, STEP_OCTETS - moved, signal)
    if (moved >= STEP_OCTETS || signal?.aborted === true) break
  }
  return moved
}

async function empty(options: CompactOptions, segment: number, most: number, signal?: AbortSignal): Promise<number> {
  const origins = new Origins(options.dir, segment, options.fs)
  let moved = 0
  try {
    for (let offset = 0; moved < most && signal?.aborted !== true;) {
      const batch = nextBatch(options, segment, offset)
      const last = batch.at(-1)
      if (last === undefined) break
      const facts = batch.map((from) => origins.of(from)) // first, for it may throw, and nobody would wait for what had begun
      await Promise.all(batch.map((from, i) => move(options, from, facts[i] ?? Buffer.alloc(0))))
      moved += batch.reduce((octets, { length }) => octets + length, 0)
      offset = last.offset + 1
    }
  } finally {
    origins.close()
  }
  return moved
}

function mostlyDead({ db }: CompactOptions): number[] {
  return db.read
    .sql(
      `SELECT number FROM segment WHERE state = 'sealed' AND live_octets > 0 AND live_octets < watermark * ?
       ORDER BY CAST(live_octets AS REAL) / watermark LIMIT 16`,
    )
    .all(MOSTLY_DEAD)
    .map(([number]) => Number(number))
}

/** At least one, however large. */
function nextBatch({ owners, db }: CompactOptions, segment: number, offset: number): Position[] {
  const batch: Position[] = []
  let octets = 0
  for (const at of referredPositions(owners, db.read, { segment, offset }, BATCH_RECORDS)) {
    octets += at.length
    if (batch.length > 0 && octets > BATCH_OCTETS) break
    batch.push(at)
  }
  return batch
}

/** A row that went or changed meanwhile is not where it was, and stays as it is. */
async function move({ log, owners }: CompactOptions, from: Position, facts: Buffer): Promise<void> {
  const draft = log.draft(from.length)
  try {
    for (let at = 0; at < from.length; at += READ_LIMIT) await draft.write(log.read(from, at, at + READ_LIMIT))
    await log.commit('moved', draft, facts, (tx, to) => {
      for (const owner of owners) {
        for (let rows = owner.move(tx, from, to); rows > 0; rows--) {
          retainContent(tx, to)
          releaseContent(tx, from)
        }
      }
    })
  } finally {
    draft.discard()
  }
}
