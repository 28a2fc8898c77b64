/** The message that REPLACE replaces, in the log's records and after a power cut. RFC 8508. */
import type { Reader, Tx } from '../../io/db/mod.ts'
import { resyncFloor } from './account-state.ts'
import type { StoreContext } from './context.ts'
import type { MailboxId } from './contract.ts'
import { hasMessage, removeMessage } from './expunge.ts'
import { settleDeposits } from './gathered.ts'
import { mailboxById } from './mailbox-rows.ts'
import { messagesById } from './message-rows.ts'
import { emailId } from './object-ids.ts'
import { nextWanted, pagesNewerThan } from './pages.ts'

/** How a record names it. */
export interface ReplacedFacts {
  readonly mailbox: MailboxId
  readonly uid: number
  /** EMAILID: the same for ever, where a message that is repeated after a power cut gets a new UID. Not in older records. */
  readonly emailId?: string
}

/** undefined: it is gone. */
export function replacedFacts(reader: Reader, mailbox: MailboxId, uid: number): ReplacedFacts | undefined {
  const row = mailboxById(reader, mailbox)
  const { page, places } = nextWanted(reader, mailbox, [uid], 0)
  const id = page?.entries.message[places[0] ?? -1]
  if (row?.name === undefined || id === undefined) return undefined
  const [message] = messagesById(reader, row.account, [id])
  return message && { mailbox, uid, emailId: emailId(message) }
}

/** Replay: under the UID that the client knew, or as it was repeated since the power cut. */
export function removeReplaced(ctx: StoreContext, tx: Tx, { mailbox, uid, emailId: wanted }: ReplacedFacts): void {
  settleDeposits(tx)
  const now = hasMessage(tx, mailbox, uid) ? uid : repeatedUid(tx, mailbox, wanted)
  if (now !== undefined) removeMessage(ctx, tx, mailbox, now)
}

/** Among what came into the mailbox since the power cut: an older copy is not what was replaced. */
function repeatedUid(tx: Tx, mailbox: MailboxId, wanted: string | undefined): number | undefined {
  const account = mailboxById(tx, mailbox)?.account
  if (account === undefined || wanted === undefined) return undefined
  const floor = resyncFloor(tx, account)
  for (const { entries } of pagesNewerThan(tx, mailbox, floor)) {
    const messages = messagesById(tx, account, [...entries.message])
    const place = messages.findIndex(
      (message, i) => message !== undefined && (entries.modSeq[i] ?? 0) > floor && emailId(message) === wanted,
    )
    if (place >= 0) return entries.uid[place]
  }
  return undefined
}
