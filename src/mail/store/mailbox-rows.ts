/** Rows of `mailbox`: a mailbox's name, counters and where its changes stand. */
import type { Reader, SqlValue, Tx } from '../../io/db/mod.ts'
import type { AccountId } from '../accounts/mod.ts'
import type { MailboxId, SpecialUse } from './contract.ts'

export interface MailboxRow {
  readonly id: MailboxId
  readonly account: AccountId
  /** undefined: deleted, waiting for upkeep. */
  readonly name: string | undefined
  readonly specialUse: SpecialUse | undefined
  readonly selectable: boolean
  readonly uidValidity: number
  readonly uidNext: number
  readonly highestModSeq: number
  /** MODSEQ of the last flag change. */
  readonly changedModSeq: number
  /** MODSEQ of the last expunge. */
  readonly expungedModSeq: number
  /** `expunged` holds everything above this MODSEQ. */
  readonly expungedFloor: number
  readonly messages: number
  readonly unseen: number
  readonly deleted: number
  readonly recent: number
  /** Messages from this UID on were shown as \Recent to no session. */
  readonly recentUid: number
  readonly octets: number
  readonly keywordVersion: number
}

const COLUMNS = `id, account, name, special_use, selectable, uid_validity, uid_next, highest_mod_seq, changed_mod_seq,
  expunged_mod_seq, expunged_floor, messages, unseen, deleted, recent, recent_uid, octets, keyword_version`

const BY_NAME = `SELECT ${COLUMNS} FROM mailbox WHERE account = ? AND name = ?`
const BY_ID = `SELECT ${COLUMNS} FROM mailbox WHERE id = ?`
const OF_ACCOUNT = `SELECT ${COLUMNS} FROM mailbox WHERE account = ? AND name IS NOT NULL ORDER BY name`

function fromRow(row: SqlValue[]): MailboxRow {
  const n = (i: number): number => Number(row[i])
  return {
    id: n(0),
    account: n(1),
    name: row[2] === null ? undefined : String(row[2]),
    specialUse: row[3] === null ? undefined : (String(row[3]) as SpecialUse), // only createMailbox writes the column
    selectable: row[4] !== 0,
    uidValidity: n(5),
    uidNext: n(6),
    highestModSeq: n(7),
    changedModSeq: n(8),
    expungedModSeq: n(9),
    expungedFloor: n(10),
    messages: n(11),
    unseen: n(12),
    deleted: n(13),
    recent: n(14),
    recentUid: n(15),
    octets: n(16),
    keywordVersion: n(17),
  }
}

export function mailboxByName(reader: Reader, account: AccountId, name: string): MailboxRow | undefined {
  const row = reader.sql(BY_NAME).get(account, name)
  return row === undefined ? undefined : fromRow(row)
}

export function mailboxById(reader: Reader, id: MailboxId): MailboxRow | undefined {
  const row = reader.sql(BY_ID).get(id)
  return row === undefined ? undefined : fromRow(row)
}

export function mailboxesOf(reader: Reader, account: AccountId): MailboxRow[] {
  return reader.sql(OF_ACCOUNT).all(account).map(fromRow)
}

/** The highest id ever given to a mailbox. */
export function lastMailboxId(reader: Reader): MailboxId {
  return Number(reader.sql("SELECT seq FROM sqlite_sequence WHERE name = 'mailbox'").get()?.[0] ?? 0)
}

export interface NewMailbox {
  readonly account: AccountId
  readonly name: string
  readonly specialUse?: SpecialUse | undefined
  readonly selectable?: boolean
  readonly uidValidity: number
  readonly modSeq: number
}

export function addMailbox(tx: Tx, made: NewMailbox): MailboxId {
  return tx
    .sql(
      `INSERT INTO mailbox (account, name, special_use, selectable, uid_validity, highest_mod_seq, expunged_floor)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
    )
    .run(
      made.account,
      made.name,
      made.specialUse ?? null,
      made.selectable === false ? 0 : 1,
      made.uidValidity,
      made.modSeq,
      made.modSeq,
    ).lastInsertRowid
}

/** What a write changes of a mailbox's counters. */
export interface Tally {
  messages: number
  unseen: number
  deleted: number
  recent: number
  octets: number
}

export const emptyTally = (): Tally => ({ messages: 0, unseen: 0, deleted: 0, recent: 0, octets: 0 })

const ADD_TALLY = `UPDATE mailbox SET messages = messages + ?, unseen = unseen + ?, deleted = deleted + ?,
  recent = recent + ?, octets = octets + ?, highest_mod_seq = ?`
const CHANGED = `${ADD_TALLY}, changed_mod_seq = ? WHERE id = ?`
const EXPUNGED = `${ADD_TALLY}, expunged_mod_seq = ? WHERE id = ?`
const ADDED = `${ADD_TALLY}, uid_next = ? WHERE id = ?`

export function tallyChange(tx: Tx, id: MailboxId, kind: 'changed' | 'expunged', tally: Tally, modSeq: number): void {
  const { messages, unseen, deleted, recent, octets } = tally
  tx.sql(kind === 'changed' ? CHANGED : EXPUNGED).run(messages, unseen, deleted, recent, octets, modSeq, modSeq, id)
}

export function tallyAdded(tx: Tx, id: MailboxId, tally: Tally, modSeq: number, uidNext: number): void {
  const { messages, unseen, deleted, recent, octets } = tally
  tx.sql(ADDED).run(messages, unseen, deleted, recent, octets, modSeq, uidNext, id)
}
