/** SELECT and EXAMINE. RFC 9051 §6.3.2, RFC 7162 §3.1.8, §3.2.5. */
import { type Cursor, decodeMailbox, ImapError } from '../../../formats/imap/mod.ts'
import type { Selected } from '../../../mail/store/mod.ts'
import { refusal } from '../errors.ts'
import { printName } from '../printing.ts'
import type { Session } from '../session.ts'
import { resync, type Resync, takeResync } from './resync.ts'

const SYSTEM_FLAGS = ['\\Answered', '\\Flagged', '\\Deleted', '\\Seen', '\\Draft']

export const select = (session: Session, cursor: Cursor): Promise<string> => open(session, cursor, false)
export const examine = (session: Session, cursor: Cursor): Promise<string> => open(session, cursor, true)

async function open(session: Session, cursor: Cursor, readOnly: boolean): Promise<string> {
  cursor.takeSpace()
  const name = decodeMailbox(cursor.takeAString())
  const asked = cursor.skipSpace() ? takeParameters(session, cursor) : undefined
  cursor.takeEnd()
  // RFC 9051 §6.3.2: the mailbox before is left even when the new one cannot be had.
  if (session.selected !== undefined) {
    session.close()
    session.output.line('* OK [CLOSED] Previous mailbox is closed')
  }
  const selected = await session.deps.store.select(session.owner, name, { readOnly })
  if ('refused' in selected) throw refusal(selected)
  session.selected = selected
  describe(session, selected)
  if (asked !== undefined) await resync(session, selected, asked)
  return readOnly ? '[READ-ONLY] Examine completed' : '[READ-WRITE] Select completed'
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

function describe(session: Session, selected: Selected): void {
  const { output } = session
  const flags = [...SYSTEM_FLAGS, ...selected.keywords].join(' ')
  output.line(`* FLAGS (${flags})`)
  output.line(
    selected.readOnly
      ? '* OK [PERMANENTFLAGS ()] Read-only mailbox'
      : `* OK [PERMANENTFLAGS (${flags} \\*)] Flags are kept`,
  )
  output.line(`* ${selected.count} EXISTS`)
  if (!session.rev2) {
    output.line(`* ${selected.recent} RECENT`)
    if (selected.firstUnseen > 0 && !session.uidOnly) output.line(`* OK [UNSEEN ${selected.firstUnseen}] First unseen`)
  }
  output.line(`* OK [UIDVALIDITY ${selected.uidValidity}] UIDs are valid`)
  output.line(`* OK [UIDNEXT ${selected.uidNext}] Predicted next UID`)
  output.line(`* OK [HIGHESTMODSEQ ${selected.highestModSeq}] Highest`)
  output.line(`* OK [MAILBOXID (${selected.objectId})] Id of the mailbox`)
  if (session.rev2) output.line(`* LIST () "/" ${printName(session, selected.name)}`)
}
