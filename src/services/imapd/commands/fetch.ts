/** FETCH. RFC 9051 §6.4.5, RFC 9394 §3.3 (PARTIAL). Answers leave in large pieces; other clients have their turn between batches. */
import { type Cursor, type FetchItem, takeFetch, takeSequenceSet, windowOf } from '../../../formats/imap/mod.ts'
import { formatInternalDate } from '../../../formats/message/mod.ts'
import type { Selected } from '../../../mail/store/mod.ts'
import { fetchHead, flagsOf } from '../printing.ts'
import type { Session } from '../session.ts'
import { FetchAnswers } from './fetch-message.ts'
import { completed, refuseLargeWindow, withinLimit } from './message-limit.ts'
import { tellVanished, uidRanges } from './resync.ts'
import { targetsOf } from './targets.ts'

export const fetch = (session: Session, cursor: Cursor): Promise<string> => run(session, cursor, false)
export const uidFetch = (session: Session, cursor: Cursor): Promise<string> => run(session, cursor, true)

/** Messages answered in one turn of the event loop. */
const BATCH = 256
/** The same where only numbers and flags are asked for. */
const LIGHT_BATCH = 4096

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
  return light.length === items.length ? fetchLight(session, seqs, light) : fetchWhole(session, seqs, items)
}

const LIGHT_ITEMS = ['UID', 'FLAGS', 'MODSEQ', 'RFC822.SIZE', 'INTERNALDATE'] as const
/** An item that the view alone answers. */
export type LightItem = (typeof LIGHT_ITEMS)[number]

const isLight = (item: FetchItem['item']): item is LightItem => LIGHT_ITEMS.some((light) => light === item)

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

/** What stands in the view alone. */
export function lightItem(session: Session, mailbox: Selected, seq: number, item: LightItem): string {
  switch (item) {
    case 'UID':
      return `UID ${mailbox.uidAt(seq)}`
    case 'FLAGS':
      return `FLAGS (${flagsOf(session, mailbox, seq).join(' ')})`
    case 'MODSEQ':
      return `MODSEQ (${mailbox.modSeqAt(seq)})`
    case 'RFC822.SIZE':
      return `RFC822.SIZE ${mailbox.sizeAt(seq)}`
    case 'INTERNALDATE':
      return `INTERNALDATE "${formatInternalDate(mailbox.internalDateMsAt(seq))}"`
    default:
      return item satisfies never
  }
}

async function fetchLight(session: Session, seqs: readonly number[], words: readonly LightItem[]): Promise<void> {
  const { mailbox, output } = session
  // One flag list is the same array for all messages that have these flags: its text is made once.
  const texts = new Map<readonly string[], string>()
  const flagsText = (seq: number): string => {
    const flags = mailbox.flagsAt(seq)
    let text = texts.get(flags)
    if (text === undefined) texts.set(flags, (text = `FLAGS (${flagsOf(session, mailbox, seq).join(' ')})`))
    return text
  }
  for (let from = 0; from < seqs.length; from += LIGHT_BATCH) {
    let text = ''
    for (let i = from; i < Math.min(seqs.length, from + LIGHT_BATCH); i++) {
      const seq = seqs[i]!
      text += fetchHead(session, mailbox, seq)
      for (let w = 0; w < words.length; w++) {
        if (w > 0) text += ' '
        text += words[w] === 'FLAGS' ? flagsText(seq) : lightItem(session, mailbox, seq, words[w]!)
      }
      text += ')\r\n'
    }
    output.put(text)
    await output.flush()
    if (session.signal.aborted) return
    await new Promise(setImmediate)
  }
}

async function fetchWhole(session: Session, seqs: readonly number[], items: readonly FetchItem[]): Promise<void> {
  const { mailbox, output } = session
  // RFC 4314 §4: not without the right.
  const setsSeen =
    !mailbox.readOnly && session.rights.includes('s') && items.some((item) => 'setsSeen' in item && item.setsSeen)
  const answers = new FetchAnswers(session, mailbox, items)
  const { columns } = answers
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
        const wait = answers.write(seq, message, savedMs, fresh.has(seq) && !asksFlags)
        if (wait !== undefined) await wait
        if (output.full) await output.flush()
        if (session.signal.aborted) return
      }
    }
  }
}
