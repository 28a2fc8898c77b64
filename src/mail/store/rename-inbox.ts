/** RENAME INBOX: its messages move to a new mailbox, INBOX stays, emptied. RFC 9051 §6.3.6. */
import type { AccountId } from '../accounts/mod.ts'
import { copyAnnotations } from './annotations.ts'
import type { StoreContext } from './context.ts'
import type { Refusal } from './contract.ts'
import { copyMessages } from './copy.ts'
import { mailboxByName } from './mailbox-rows.ts'
import type { Mailboxes } from './mailboxes.ts'
import { canonicalName } from './names.ts'
import { pagesFrom } from './pages.ts'
import { ANY_FLAG } from './store-flags.ts'

/** Pages whose messages move at a time. */
const PAGES = 16

export async function renameInbox(
  ctx: StoreContext,
  mailboxes: Mailboxes,
  account: AccountId,
  to: string,
): Promise<undefined | Refusal> {
  const inbox = mailboxByName(ctx.db.read, account, 'INBOX')
  if (inbox === undefined) return { refused: 'NONEXISTENT', text: 'No such mailbox' }
  const made = await mailboxes.create(account, to, undefined)
  if ('refused' in made) return made
  const target = { account, name: canonicalName(to), mask: ANY_FLAG }
  await ctx.db.write((tx) => copyAnnotations(tx, account, inbox.id, made.id))
  const last = inbox.uidNext // what arrives meanwhile stays
  for (;;) {
    const pages = pagesFrom(ctx.db.read, inbox.id, 0, PAGES)
    const uids = Uint32Array.from(pages.flatMap(({ entries }) => [...entries.uid])).filter((uid) => uid < last)
    if (uids.length === 0) return undefined
    const moved = await copyMessages(ctx, { account, source: inbox.id, target, uids, move: true })
    if ('refused' in moved) return moved
  }
}
