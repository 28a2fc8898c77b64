/** The start of a data directory: what the last run left is put right before anybody listens. Main runs it alone. */
import { recover, type RecoveryReport } from '../../io/blobs/mod.ts'
import { beginRun, lastRun } from '../../io/db/mod.ts'
import { replayMail } from '../../mail/intake/mod.ts'
import {
  afterPowerCut,
  appendReplay,
  ChangeFeed,
  createAnalyser,
  type MessageFacts,
  storeParams,
  undoUnfinishedCopies,
} from '../../mail/store/mod.ts'
import type { Rooms } from './rooms.ts'

export interface StartReport extends RecoveryReport {
  readonly ended: 'first' | 'clean' | 'killed' | 'power-cut'
}

/** Octets of a replayed message that are read at a time. */
const PIECE = 1024 * 1024

export async function recoverData(rooms: Rooms, feedMemory: SharedArrayBuffer): Promise<StartReport> {
  const { db, paths, queue, clock, current } = rooms
  const { ended, sameBoot } = lastRun(db)
  if (ended === 'power-cut') await db.write((tx) => afterPowerCut(tx))
  const mail = replayMail<MessageFacts>({ store: current.store, queue, analyse })
  const settings = current.config.bind(storeParams)
  const storeOptions = { db, feed: new ChangeFeed(feedMemory), clock, settings, analyser: createAnalyser }
  const append = appendReplay(storeOptions)
  const report = await recover({ dir: paths.log, db, sameBoot, replay: { mail, append, moved: () => {} } })
  await undoUnfinishedCopies(storeOptions)
  await beginRun(db)
  return { ...report, ended }
}

/** What is computed of a message, from its content. */
export function analyse(read: (from: number, to: number) => Buffer, length: number): MessageFacts {
  const analyser = createAnalyser()
  for (let at = 0; at < length;) {
    const piece = read(at, Math.min(length, at + PIECE))
    if (piece.length === 0) break
    analyser.push(piece)
    at += piece.length
  }
  return analyser.end()
}
