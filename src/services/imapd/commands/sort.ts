/** SORT and THREAD. RFC 5256 §3, RFC 5267 §3 (ESORT), RFC 5957 (SORT=DISPLAY), RFC 7162 §3.1.6. */
import { pauses } from '#src/base/mod.ts'
import { type Cursor, takeSort, takeThread } from '../../../formats/imap/mod.ts'
import type { Thread } from '../../../mail/store/mod.ts'
import type { Session } from '../session.ts'
import { refuseLargeMailbox } from './message-limit.ts'
import { answerFound, find } from './search.ts'

export const sort = (session: Session, cursor: Cursor): Promise<string> => runSort(session, cursor, false)
export const uidSort = (session: Session, cursor: Cursor): Promise<string> => runSort(session, cursor, true)
export const thread = (session: Session, cursor: Cursor): Promise<string> => runThread(session, cursor, false)
export const uidThread = (session: Session, cursor: Cursor): Promise<string> => runThread(session, cursor, true)

async function runSort(session: Session, cursor: Cursor, byUid: boolean): Promise<string> {
  const { mailbox } = session
  cursor.takeSpace()
  const command = takeSort(cursor, session)
  cursor.takeEnd()
  refuseLargeMailbox(session)
  return answerFound(session, { ...command, word: 'SORT', byUid }, async () =>
    mailbox.sort(await find(session, command.key), command.criteria, command.key),
  )
}

async function runThread(session: Session, cursor: Cursor, byUid: boolean): Promise<string> {
  const { mailbox, running } = session
  cursor.takeSpace()
  const { algorithm, key } = takeThread(cursor, session)
  cursor.takeEnd()
  refuseLargeMailbox(session)
  const threads = await mailbox.threads(await find(session, key), algorithm, session.comparator.collation)
  const pause = pauses(session.deps.clock)
  const text = await printThreads(threads, byUid ? (seq) => mailbox.uidAt(seq) : (seq) => seq, pause)
  await running.turn()
  session.output.line(text === '' ? '* THREAD' : `* THREAD ${text}`)
  return 'Thread completed'
}

/** Pieces printed between two looks at the clock. */
const STRIDE = 2048

/** `(2)(3 6 (4 23)(44 7 96))`. Threads may be deep: what is still to be printed stands in a list. */
async function printThreads(
  threads: readonly Thread[],
  number: (seq: number) => number,
  pause: () => Promise<void> | undefined,
): Promise<string> {
  let text = ''
  let steps = 0
  const left: (Thread | string)[] = []
  const later = (siblings: readonly Thread[]): void => {
    for (const sibling of siblings.toReversed()) left.push(')', sibling, '(')
  }
  later(threads)
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    if (++steps % STRIDE === 0) await pause()
    if (typeof next === 'string') {
      text += next
      continue
    }
    let at: Thread = next
    if (at.seq > 0) text += number(at.seq)
    for (; at.seq > 0 && at.children.length === 1; text += ` ${number(at.seq)}`) at = at.children[0]!
    if (at.seq > 0 && at.children.length > 0) text += ' '
    later(at.children)
  }
  return text
}
