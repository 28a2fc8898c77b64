/** Special uses that change hands: `/private/specialuse`. RFC 6154 §4. */
import type { Tx } from '../../io/db/mod.ts'
import type { AccountId } from '../accounts/mod.ts'
import type { MailboxId, Refusal, SpecialUse } from './contract.ts'
import { mailboxById, mailboxesOf } from './mailbox-rows.ts'

/** Of which a mailbox can have one; \All and \Flagged would be views over others (RFC 6154 §2). */
const USES: readonly SpecialUse[] = ['\\Archive', '\\Drafts', '\\Junk', '\\Sent', '\\Trash']

export interface UseChange {
  /** The mailbox that had the use until now. */
  readonly from: { readonly id: MailboxId; readonly name: string } | undefined
}

/** @param value one use, in any letter case; undefined for none */
export function setSpecialUse(
  tx: Tx,
  account: AccountId,
  mailbox: MailboxId,
  value: Buffer | undefined,
): UseChange | Refusal {
  const text = value?.toString('latin1').trim().toLowerCase()
  const use = USES.find((one) => one.toLowerCase() === text)
  const row = mailboxById(tx, mailbox)
  if (text !== undefined && text !== '' && use === undefined) return { refused: 'USEATTR', text: 'No such special use' }
  if (use !== undefined && (row?.selectable !== true || row.name === 'INBOX'))
    return { refused: 'CANNOT', text: 'This mailbox cannot have a special use' }
  const had = mailboxesOf(tx, account).find((one) => use !== undefined && one.specialUse === use && one.id !== mailbox)
  const put = 'UPDATE mailbox SET special_use = ? WHERE id = ?'
  if (had !== undefined) tx.sql(put).run(null, had.id)
  tx.sql(put).run(use ?? null, mailbox)
  return { from: had && { id: had.id, name: had.name ?? '' } }
}
