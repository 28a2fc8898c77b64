/**
 * Conversations of an account, across its mailboxes: which Message-IDs belong to which. A conversation is named after the
 * record of its first message and keeps that name for ever (RFC 8474 §5.2). Rows of `thread_link`; each counts the messages
 * that refer to it, and goes with the last of them.
 */
import type { Tx } from '../../io/db/mod.ts'
import type { AccountId } from '../accounts/mod.ts'
import { sumOf } from './sums.ts'

const FIND = 'SELECT thread FROM thread_link WHERE account = ? AND key = ?'
const LINK = `INSERT INTO thread_link (account, key, thread, uses, sum) VALUES (?, ?, ?, 1, ?)
  ON CONFLICT DO UPDATE SET uses = uses + 1`
const UNLINK = 'UPDATE thread_link SET uses = uses - 1 WHERE account = ? AND key = ? RETURNING uses'
const FORGET = 'DELETE FROM thread_link WHERE account = ? AND key = ?'

/**
 * The conversation that a new message joins, or begins: then it has its own name.
 * @param keys as `threadKeys` gives them
 */
export function joinThread(tx: Tx, account: AccountId, keys: readonly number[], own: Buffer): Uint8Array {
  let thread: Uint8Array = own
  for (const key of keys) {
    const found = tx.sql(FIND).get(account, key)
    if (found === undefined) continue
    thread = found[0] as Uint8Array // BLOB NOT NULL
    break
  }
  linkKeys(tx, account, keys, thread)
  return thread
}

/** A message uses these keys; a key that is new leads to `thread`. */
export function linkKeys(tx: Tx, account: AccountId, keys: readonly number[], thread: Uint8Array): void {
  const sum = sumOf(thread)
  for (const key of keys) tx.sql(LINK).run(account, key, thread, sum)
}

/** A message is gone for good. */
export function leaveThread(tx: Tx, account: AccountId, keys: readonly number[]): void {
  for (const key of keys) {
    const uses = tx.sql(UNLINK).get(account, key)?.[0]
    if (uses !== undefined && Number(uses) <= 0) tx.sql(FORGET).run(account, key)
  }
}
