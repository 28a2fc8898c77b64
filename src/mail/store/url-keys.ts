/** Mailbox access keys: what URLs of a mailbox are authorised with. RFC 4467 §2.2. Rows of `url_key`; they go with the mailbox. */
import { randomBytes } from 'node:crypto'
import type { Reader, Tx } from '../../io/db/mod.ts'
import type { AccountId } from '../accounts/mod.ts'
import { nextModSeq } from './account-state.ts'
import { announce, type StoreContext } from './context.ts'
import type { MailboxId, Refusal } from './contract.ts'
import { mailboxByName } from './mailbox-rows.ts'
import { canonicalName } from './names.ts'

/** §2.2: at least 128 bits that nobody can guess. */
const KEY_OCTETS = 32

const NONEXISTENT: Refusal = { refused: 'NONEXISTENT', text: 'No such mailbox' }

export function urlKeyOf(reader: Reader, account: AccountId, name: string): Buffer | undefined {
  const row = reader
    .sql('SELECT k.key FROM url_key k JOIN mailbox m ON m.id = k.mailbox WHERE m.account = ? AND m.name = ?')
    .get(account, canonicalName(name))
  return row && Buffer.from(row[0] as Uint8Array) // not NULL, a BLOB
}

/** The key; made where there is none, or anew. */
export async function makeUrlKey(
  ctx: StoreContext,
  account: AccountId,
  name: string,
  anew: boolean,
): Promise<Buffer | Refusal> {
  const made = await ctx.db.write((tx) => {
    const known = anew ? undefined : urlKeyOf(tx, account, name)
    if (known !== undefined) return known
    const mailbox = mailboxByName(tx, account, canonicalName(name))
    if (mailbox?.selectable !== true) return NONEXISTENT
    const key = randomBytes(KEY_OCTETS)
    tx.sql('INSERT OR REPLACE INTO url_key (mailbox, account, key, mod_seq) VALUES (?, ?, ?, ?)').run(
      mailbox.id,
      account,
      key,
      nextModSeq(tx, account),
    )
    announce(ctx, tx, account)
    return key
  })
  if (anew) await ctx.db.syncWal() // a power cut brings no revoked URL back
  return made
}

/** All of an account: no URL of it is worth anything any more. */
export async function removeUrlKeys(ctx: StoreContext, account: AccountId): Promise<void> {
  await ctx.db.write((tx) => void tx.sql('DELETE FROM url_key WHERE account = ?').run(account))
  await ctx.db.syncWal()
}

export function removeUrlKey(tx: Tx, mailbox: MailboxId): void {
  tx.sql('DELETE FROM url_key WHERE mailbox = ?').run(mailbox)
}

/** MODSEQ as of which the mailbox has its key; 0 where it has none. */
export function urlKeyModSeq(reader: Reader, mailbox: MailboxId): number {
  return Number(reader.sql('SELECT mod_seq FROM url_key WHERE mailbox = ?').get(mailbox)?.[0] ?? 0)
}
