/** FETCH. RFC 9051 §6.4.5, RFC 9394 §3.3 (PARTIAL). Answers leave in large pieces; other clients have their turn between batches. */
import { pauses } from '#src/base/mod.ts'
import {
  type Cursor,
  type FetchItem,
  ImapError,
  takeFetch,
  takeSequenceSet,
  windowOf,
} from '../../../formats/imap/mod.ts'
import { GoneError } from '../../../io/blobs/mod.ts'
import { Bye } from '../errors.ts'
import type { Session } from '../session.ts'
import { FetchAnswers } from './fetch-message.ts'
import { answerLight, isLight } from './light-answers.ts'
import { completed, refuseLargeWindow, withinLimit } from './message-limit.ts'
import { tellVanished, uidRanges } from './resync.ts'
import { targetsOf } from './targets.ts'

export const fetch = (session: Session, cursor: Cursor): Promise<string> => run(session, cursor, false)
export const uidFetch = (session: Session, cursor: Cursor): Promise<string> => run(session, cursor, true)

/** Messages answered in one turn of the event loop. */
const BATCH = 256

async function run(session: Session, cursor: Cursor, byUid: boolean): Promise<string> {
  cursor.takeSpace()
  const set = takeSequenceSet(cursor)
  let seqs = targetsOf(session, set, byUid)
  cursor.takeSpace()
  const command = takeFetch(cursor)
  cursor.takeEnd()
  const { changedSince, partial } = command
  if (partial !== undefined && !byUid) throw cursor.bad('PARTIAL needs UID FETCH')
  refuseLargeWindow(session, partial)
  if (partial !== undefined) seqs = [...windowOf(seqs, partial)]
  const { mailbox } = session
  if (command.vanished && !(byUid && session.qresync)) throw cursor.bad('VANISHED needs UID FETCH and ENABLE QRESYNC')
  const items = withImplied(session, command.items, byUid, changedSince !== undefined)
  if (changedSince !== undefined) {
    // Rule 7 of the log: from below the floor everything may have changed.
    const since = changedSince < mailbox.resyncFloor ? 0n : changedSince
    if (command.vanished) tellVanished(session, mailbox, changedSince, uidRanges(session, set))
    seqs = seqs.filter((seq) => mailbox.modSeqAt(seq) > since)
  }
  const limited = withinLimit(session, seqs)
  await fetchItems(session, limited.seqs, items)
  return completed(session, 'Fetch completed', limited.code)
}

/** Answers items of messages of the selected mailbox. */
export function fetchItems(session: Session, seqs: readonly number[], items: readonly FetchItem[]): Promise<void> {
  const light = items.map((item) => item.item).filter(isLight)
  return light.length === items.length ? answerLight(session, seqs, light) : fetchWhole(session, seqs, items)
}

/** UID FETCH answers the UID, CHANGEDSINCE and an enabled CONDSTORE the MODSEQ. */
function withImplied(
  session: Session,
  asked: readonly FetchItem[],
  byUid: boolean,
  changedSince: boolean,
): FetchItem[] {
  const items = [...asked]
  const has = (item: FetchItem['item']): boolean => items.some((one) => one.item === item)
  if (byUid && !has('UID') && !session.uidOnly) items.unshift({ item: 'UID' })
  if (changedSince || has('MODSEQ')) session.condstore = true
  if (changedSince && !has('MODSEQ')) items.push({ item: 'MODSEQ' })
  return items
}

/**
 * What could not be read is refused, but not amid a line that was begun: where some of it has left, nothing can be said any more.
 * A message that was removed so long ago that its content is gone is passed over; EXPUNGE will tell.
 */
async function refuseUnread(session: Session, seq: number, error: unknown, isTakenBack: boolean): Promise<void> {
  if (!isTakenBack) throw new Bye('The content of a message cannot be read', { cause: error })
  if (!(error instanceof GoneError)) throw error
  for await (const [message] of session.mailbox.messages([seq], ['ids']))
    if (message !== undefined)
      throw new ImapError('NO', 'The content of a message is missing', { code: 'CORRUPTION', cause: error })
}

async function fetchWhole(session: Session, seqs: readonly number[], items: readonly FetchItem[]): Promise<void> {
  const { mailbox, output } = session
  // RFC 4314 §4: not without the right.
  const setsSeen =
    !mailbox.readOnly && session.rights.includes('s') && items.some((item) => 'setsSeen' in item && item.setsSeen)
  const answers = new FetchAnswers(session, mailbox, items)
  const { columns } = answers
  const pause = pauses(session.deps.clock)
  const asksFlags = items.some((one) => one.item === 'FLAGS')
  for (let from = 0; from < seqs.length; from += BATCH) {
    const batch = seqs.slice(from, from + BATCH)
    const fresh = new Set(setsSeen ? batch.filter((seq) => !mailbox.hasFlag(seq, '\\Seen')) : [])
    if (fresh.size > 0) await mailbox.storeFlags([...fresh], 'add', ['\\Seen'], { silent: false })
    const saved = items.some(({ item }) => item === 'SAVEDATE') ? mailbox.savedMsOf(batch) : []
    let at = 0
    for await (const messages of mailbox.messages(batch, columns)) {
      for (const message of messages) {
        const savedMs = saved[at]
        const seq = batch[at++]!
        if (message === undefined) continue // removed meanwhile; EXPUNGE will tell
        const { flushes, octets, parts } = output
        try {
          const wait = answers.write(seq, message, savedMs, fresh.has(seq) && !asksFlags)
          if (wait !== undefined) await wait
        } catch (error) {
          await refuseUnread(session, seq, error, output.rollback(flushes, parts, octets))
        }
        if (output.full) await output.flush()
        await pause()
        if (session.signal.aborted) return
      }
    }
  }
}
