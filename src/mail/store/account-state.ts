/** Counters of an account: MODSEQ, UIDVALIDITY, what it stores. Rows of `account_state`. */
import type { Reader, Tx } from '../../io/db/mod.ts'
import type { AccountId } from '../accounts/mod.ts'
import { settleDeposits } from './gathered.ts'
import { STAGED } from './names.ts'

/**
 * What a power cut may have lost of UIDs and MODSEQs that were already told: rules 6 and 7 of the log. A command that
 * gives many UIDs waits for a sync line before it comes near.
 */
export const UID_MARGIN = 65_536
export const MODSEQ_MARGIN = 1_048_576
const UIDVALIDITY_MARGIN = 1024

export interface Usage {
  readonly octets: number
  readonly messages: number
}

/** undefined: never provisioned. */
export function accountStanding(reader: Reader, account: AccountId): 'here' | 'removed' | undefined {
  const row = reader.sql('SELECT removed FROM account_state WHERE account = ?').get(account)
  if (row === undefined) return undefined
  return row[0] === 0 ? 'here' : 'removed'
}

export function addAccountState(tx: Tx, account: AccountId): void {
  tx.sql('INSERT INTO account_state (account) VALUES (?) ON CONFLICT DO NOTHING').run(account)
}

/** The next MODSEQ of the account; strictly rising. Every change begins with it. */
export function nextModSeq(tx: Tx, account: AccountId): number {
  settleDeposits(tx) // they count by themselves, and would give the same number
  const row = tx.sql('UPDATE account_state SET mod_seq = mod_seq + 1 WHERE account = ? RETURNING mod_seq').get(account)
  if (row === undefined) throw new Error(`No counters for account ${account}`)
  return Number(row[0])
}

export function addUsage(tx: Tx, account: AccountId, octets: number, messages: number): void {
  tx.sql('UPDATE account_state SET octets = octets + ?, messages = messages + ? WHERE account = ?').run(
    octets,
    messages,
    account,
  )
}

export function usageOf(reader: Reader, account: AccountId): Usage {
  const row = reader.sql('SELECT octets, messages FROM account_state WHERE account = ?').get(account)
  return { octets: Number(row?.[0] ?? 0), messages: Number(row?.[1] ?? 0) }
}

/** UIDVALIDITY of a new mailbox: rising within the account for ever, seconds since 1970 where the clock allows. */
export function nextUidValidity(tx: Tx, account: AccountId, nowMs: number): number {
  const row = tx
    .sql('UPDATE account_state SET uid_validity = max(uid_validity + 1, ?) WHERE account = ? RETURNING uid_validity')
    .get(Math.floor(nowMs / 1000), account)
  if (row === undefined) throw new Error(`No counters for account ${account}`)
  return Number(row[0])
}

/** MODSEQ below which changes cannot be told exactly, for a power cut made a gap (rule 7). */
export function resyncFloor(reader: Reader, account: AccountId): number {
  return Number(reader.sql('SELECT resync_floor FROM account_state WHERE account = ?').get(account)?.[0] ?? 0)
}

/**
 * After a power cut the last commits may be gone although clients were told of them. No UID and no MODSEQ is given
 * twice: both rise by their margins, and whoever asks for changes from below is answered in full (rule 7).
 * To be run before records of the log are taken in again, so that these get numbers above the gap.
 * @param times margins at once, for a database that is further behind
 */
export function afterPowerCut(tx: Tx, times = 1): void {
  tx.sql('UPDATE account_state SET mod_seq = mod_seq + ?, uid_validity = uid_validity + ?').run(
    times * MODSEQ_MARGIN,
    times * UIDVALIDITY_MARGIN,
  )
  tx.sql('UPDATE account_state SET resync_floor = mod_seq').run()
  tx.sql(
    `UPDATE mailbox SET uid_next = min(uid_next + ?, 4294967295), highest_mod_seq =
       (SELECT mod_seq FROM account_state WHERE account_state.account = mailbox.account)
     WHERE name IS NULL OR name NOT LIKE ?`, // nobody was told of UIDs in one that is being imported, and they are to stay
  ).run(times * UID_MARGIN, `${STAGED}%`)
}
