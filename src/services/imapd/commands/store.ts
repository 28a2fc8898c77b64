/** STORE. RFC 9051 §6.4.6, RFC 7162 §3.1.3, RFC 9738; of messages that are gone: RFC 2180 §4.2. */
import { type Cursor, ImapError, printSet, type Rights } from '../../../formats/imap/mod.ts'
import type { FlagOperation } from '../../../mail/store/mod.ts'
import { refusal } from '../errors.ts'
import { FLAG_RIGHTS, flagRight, noPermission } from '../places.ts'
import type { Session } from '../session.ts'
import { refuseReadOnly } from './close.ts'
import { answerLight, type LightItem } from './light-answers.ts'
import { completed, withinLimit } from './message-limit.ts'
import { takeTargets } from './targets.ts'

export const store = (session: Session, cursor: Cursor): Promise<string> => run(session, cursor, false)
export const uidStore = (session: Session, cursor: Cursor): Promise<string> => run(session, cursor, true)

async function run(session: Session, cursor: Cursor, byUid: boolean): Promise<string> {
  cursor.takeSpace()
  const named = takeTargets(session, cursor, byUid)
  cursor.takeSpace()
  const unchangedSince = takeUnchangedSince(session, cursor)
  const operation: FlagOperation = cursor.skip('+') ? 'add' : cursor.skip('-') ? 'remove' : 'replace'
  cursor.take('FLAGS')
  const silent = cursor.skip('.SILENT')
  cursor.takeSpace()
  const flags = cursor.takeFlags().filter((flag) => flag.toLowerCase() !== '\\recent')
  cursor.takeEnd()
  refuseReadOnly(session)
  refuseUnchangeable(session.rights, operation, flags)
  const { mailbox } = session
  const { seqs, code: limit } = withinLimit(session, named)
  const result = await mailbox.storeFlags(seqs, operation, flags, {
    silent,
    rights: session.rights,
    ...(unchangedSince !== undefined && { unchangedSince }),
  })
  const unstored = new Set([...result.modified, ...result.gone])
  const stored = unstored.size === 0 ? seqs : seqs.filter((seq) => !unstored.has(mailbox.uidAt(seq)))
  await answer(session, stored, byUid, silent)
  if (result.refused !== undefined) throw refusal(result.refused)
  const refused = byUid ? result.modified : result.modified.map((uid) => mailbox.seqOf(uid))
  const modified = refused.length === 0 ? undefined : `MODIFIED ${printSet(refused)}`
  // A UID that no message has is passed over (RFC 9051 §6.4.9), and who wants no answer misses none.
  if (result.gone.length > 0 && !byUid && !silent) throw someGone(session, modified ?? 'EXPUNGEISSUED', limit)
  if (modified === undefined) return completed(session, 'Store completed', limit)
  return completed(session, `[${modified}] Conditional store failed for some`, limit)
}

function someGone(session: Session, code: string, limit: string | undefined): ImapError {
  const text = 'Some of the messages are expunged'
  completed(session, `[${code}] ${text}`, limit)
  return new ImapError('NO', text, { code })
}

/**
 * The flags of each message. .SILENT answers MODSEQ alone, where it is enabled, and nothing otherwise. A MODSEQ that stands for
 * more than the client asked for comes with the flags: kept without them, it would never hear of the rest (RFC 9051 §6.4.6).
 */
async function answer(session: Session, seqs: readonly number[], byUid: boolean, silent: boolean): Promise<void> {
  if (silent && !session.condstore) return
  const named: LightItem[] = (byUid || session.qresync) && !session.uidOnly ? ['UID'] : []
  const modSeq: LightItem[] = session.condstore ? ['MODSEQ'] : []
  const whole: readonly LightItem[] = [...named, 'FLAGS', ...modSeq]
  const short: readonly LightItem[] = [...named, ...modSeq]
  // Asked when its line is written: others go on changing flags while the lines before it are on their way.
  await answerLight(session, seqs, (seq) => (silent && session.mailbox.knowsFlagsAt(seq) ? short : whole))
}

/** RFC 4314 §4: refused only where nothing of what is asked may change. */
function refuseUnchangeable(rights: Rights, operation: FlagOperation, flags: readonly string[]): void {
  const needed = operation === 'replace' ? Array.from(FLAG_RIGHTS) : flags.map(flagRight)
  if (needed.length > 0 && !needed.some((right) => rights.includes(right))) throw noPermission(needed[0]!)
}

function takeUnchangedSince(session: Session, cursor: Cursor): bigint | undefined {
  if (!cursor.skip('(UNCHANGEDSINCE ')) return undefined
  const modSeq = BigInt(cursor.takeNumber64())
  cursor.take(')')
  cursor.takeSpace()
  session.condstore = true
  return modSeq
}
