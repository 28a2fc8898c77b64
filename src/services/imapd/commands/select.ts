/** SELECT and EXAMINE. RFC 9051 §6.3.2, RFC 7162 §3.1.8, §3.2.5. */
import { type Cursor, hasSome, ImapError } from '../../../formats/imap/mod.ts'
import type { Selected } from '../../../mail/store/mod.ts'
import { refusal } from '../errors.ts'
import { allowed, takeMailbox } from '../places.ts'
import { flagsLines, printName } from '../printing.ts'
import type { Session } from '../session.ts'
import { saysUrlMech } from '../url-auth.ts'
import { resync, type Resync, takeResync } from './resync.ts'

export const select = (session: Session, cursor: Cursor): Promise<string> => open(session, cursor, false)
export const examine = (session: Session, cursor: Cursor): Promise<string> => open(session, cursor, true)

async function open(session: Session, cursor: Cursor, readOnly: boolean): Promise<string> {
  cursor.takeSpace()
  const name = takeMailbox(cursor)
  const asked = cursor.skipSpace() ? takeParameters(session, cursor) : undefined
  cursor.takeEnd()
  // RFC 9051 §6.3.2: the mailbox before is left even when the new one cannot be had.
  if (session.selected !== undefined) {
    session.close()
    session.output.line('* OK [CLOSED] Previous mailbox is closed')
  }
  const place = allowed(session, name, 'r')
  const options = { readOnly, who: session.owner, as: place.shown }
  const selected = await session.deps.store.select(place.account, place.name, options)
  if ('refused' in selected) throw refusal(selected)
  session.opened(selected, place.rights)
  session.keyTold = session.deps.store.urlKeyModSeq(selected.mailbox)
  describe(session, selected)
  if (asked !== undefined) await resync(session, selected, asked)
  return `[${isWritable(session, selected) ? 'READ-WRITE' : 'READ-ONLY'}] ${readOnly ? 'Examine' : 'Select'} completed`
}

function takeParameters(session: Session, cursor: Cursor): Resync | undefined {
  let asked: Resync | undefined
  cursor.takeList(() => {
    const word = cursor.takeAtom().toUpperCase()
    if (word === 'CONDSTORE') session.condstore = true
    else if (word !== 'QRESYNC') throw cursor.bad(`Unknown parameter ${word}`)
    else if (!session.qresync) throw cursor.bad('QRESYNC is not enabled')
    else {
      cursor.takeSpace()
      asked = takeResync(cursor)
      if (asked.sample !== undefined && session.uidOnly)
        throw new ImapError('BAD', 'Messages have no numbers here', { code: 'UIDREQUIRED' })
    }
  })
  return asked
}

/** RFC 4314 §5.2: with a right to change what others see too. */
function isWritable({ rights }: Session, selected: Selected): boolean {
  const changing = selected.ownSeen ? 'ietw' : 'ietws'
  return !selected.readOnly && hasSome(rights, changing)
}

function describe(session: Session, selected: Selected): void {
  const { output } = session
  for (const line of flagsLines(session, selected)) output.line(line)
  output.line(`* ${selected.count} EXISTS`)
  if (!session.rev2) {
    output.line(`* ${selected.recent} RECENT`)
    if (selected.firstUnseen > 0 && !session.uidOnly) output.line(`* OK [UNSEEN ${selected.firstUnseen}] First unseen`)
  }
  output.line(`* OK [UIDVALIDITY ${selected.uidValidity}] UIDs are valid`)
  output.line(`* OK [UIDNEXT ${selected.uidNext}] Predicted next UID`)
  output.line(`* OK [HIGHESTMODSEQ ${selected.highestModSeq}] Highest`)
  if (saysUrlMech(session)) output.line('* OK [URLMECH INTERNAL] How URLs are authorised')
  output.line(`* OK [MAILBOXID (${selected.objectId})] Id of the mailbox`)
  if (session.rev2) output.line(`* LIST () "/" ${printName(session, selected.name)}`)
}
