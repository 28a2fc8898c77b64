/** Counters of accounts and names of conversations, made anew from what is there. */
import type { SqlValue } from '../../io/db/mod.ts'
import type { Mending } from './mend-contract.ts'
import { MESSAGE_BATCH } from './message-rows.ts'
import { unpackKeys } from './thread-keys.ts'
import { linkKeys } from './thread-links.ts'

/** To be called when the mailboxes are counted. */
export function mendAccounts({ db }: Mending): Promise<void> {
  return db.write((tx) => {
    tx.sql(
      `INSERT INTO account_state (account) SELECT DISTINCT account FROM mailbox WHERE account NOT IN (SELECT account FROM account_state)`,
    ).run()
    tx.sql(
      `UPDATE account_state SET
         octets = (SELECT coalesce(sum(octets), 0) FROM mailbox m WHERE m.account = account_state.account AND name IS NOT NULL),
         messages = (SELECT coalesce(sum(messages), 0) FROM mailbox m WHERE m.account = account_state.account AND name IS NOT NULL),
         mod_seq = max(mod_seq, (SELECT coalesce(max(highest_mod_seq), 1) FROM mailbox m WHERE m.account = account_state.account)),
         uid_validity = max(uid_validity, (SELECT coalesce(max(uid_validity), 0) FROM mailbox m WHERE m.account = account_state.account))`,
    ).run()
  })
}

/** Where messages or links are missing: each message's keys lead to its conversation. */
export async function mendThreads({ db }: Mending): Promise<void> {
  await db.write((tx) => tx.sql('DELETE FROM thread_link').run())
  const rows = `SELECT id, account, linked, coalesce(thread, record_id) FROM message WHERE id > ? ORDER BY id LIMIT ${MESSAGE_BATCH}`
  for (let after = 0, some: SqlValue[][]; (some = db.read.sql(rows).all(after)).length > 0;) {
    await db.write((tx) => {
      for (const [, account, linked, thread] of some)
        if (linked instanceof Uint8Array)
          linkKeys(tx, Number(account), unpackKeys(Buffer.from(linked)), thread as Uint8Array) // BLOBs, NOT NULL
    })
    after = Number(some.at(-1)?.[0])
  }
}
