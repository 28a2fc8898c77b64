/** UIDBATCHES: ranges of UIDs that part the mailbox into batches of one size, the newest first. RFC 10022. */
import { type Cursor, ImapError } from '../../../formats/imap/mod.ts'
import type { Selected } from '../../../mail/store/mod.ts'
import type { Session } from '../session.ts'

/** §3.1.3.2: smaller ones would bring back sequence numbers. */
const LEAST = 500

/**
 * Ranges are looked up, not counted, so that a client that asks often costs nothing: departs from RFC 10022 §3.1.1, which would
 * have it refused.
 */
export function uidBatches(session: Session, cursor: Cursor): string {
  cursor.takeSpace()
  const size = cursor.takeNzNumber()
  const range = cursor.skipSpace() ? takeRange(cursor) : undefined
  cursor.takeEnd()
  if (size < LEAST) throw new ImapError('NO', `Minimum batch size is ${LEAST}`, { code: 'TOOFEW' })
  const { mailbox, output, tag } = session
  const last = Math.ceil(mailbox.count / size)
  const ranges: string[] = []
  for (let batch = range?.from ?? 1; batch <= Math.min(last, range?.to ?? last); batch++)
    ranges.push(rangeOf(mailbox, size, batch))
  output.line([`* UIDBATCHES (TAG "${tag}")`, ranges.join(',')].filter(Boolean).join(' '))
  return 'UIDBATCHES completed'
}

function takeRange(cursor: Cursor): { readonly from: number; readonly to: number } {
  const from = cursor.takeNzNumber()
  cursor.take(':')
  const to = cursor.takeNzNumber()
  if (to < from) throw new ImapError('BAD', 'Invalid batch range', { code: 'CLIENTBUG' })
  return { from, to }
}

/** Ranges join without gaps, and the last one ends with 1, so that the client knows it (§3.1.4). */
function rangeOf(mailbox: Selected, size: number, batch: number): string {
  const above = mailbox.count - (batch - 1) * size // the number of its newest message
  const below = above - size + 1
  const highest = batch === 1 ? mailbox.uidAt(above) : mailbox.uidAt(above + 1) - 1
  return `${highest}:${below <= 1 ? 1 : mailbox.uidAt(below)}`
}
