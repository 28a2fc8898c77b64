/** The mailboxes that a new account begins with. RFC 6154. */
import type { Db, Tx } from '../../io/db/mod.ts'
import type { AccountId } from '../accounts/mod.ts'
import { accountStanding, addAccountState, nextModSeq, nextUidValidity } from './account-state.ts'
import { announce, type StoreContext } from './context.ts'
import type { SpecialUse } from './contract.ts'
import { addMailbox, mailboxByName } from './mailbox-rows.ts'
import { SHARED_ACCOUNT } from './rights.ts'

const BEGINNING: readonly (readonly [string, SpecialUse | undefined])[] = [
  ['INBOX', undefined],
  ['Drafts', '\\Drafts'],
  ['Sent', '\\Sent'],
  ['Junk', '\\Junk'],
  ['Trash', '\\Trash'],
  ['Archive', '\\Archive'],
]

/** Makes what is missing of a new account; of one that is there already only an INBOX, should it be gone. */
export function provision(ctx: StoreContext, tx: Tx, account: AccountId): void {
  const standing = accountStanding(tx, account)
  if (standing === 'removed') return
  if (standing === undefined) addAccountState(tx, account)
  if (account === SHARED_ACCOUNT) return
  const made = standing === undefined ? BEGINNING : BEGINNING.slice(0, 1)
  for (const [name, specialUse] of made) {
    if (mailboxByName(tx, account, name) !== undefined) continue
    const modSeq = nextModSeq(tx, account)
    addMailbox(tx, { account, name, specialUse, uidValidity: nextUidValidity(tx, account, ctx.clock.now()), modSeq })
    subscribe(tx, account, name)
    announce(ctx, tx, account)
  }
}

/** Whether `provision` has something to do. */
export function isProvisioned(db: Db, account: AccountId): boolean {
  const standing = accountStanding(db.read, account)
  if (account === SHARED_ACCOUNT) return standing !== undefined
  return standing === 'removed' || mailboxByName(db.read, account, 'INBOX') !== undefined
}

export function subscribe(tx: Tx, account: AccountId, name: string): void {
  tx.sql('INSERT INTO subscription (account, name) VALUES (?, ?) ON CONFLICT DO NOTHING').run(account, name)
}
