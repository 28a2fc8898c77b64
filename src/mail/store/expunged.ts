/** Rows of `expunged`: which messages left a mailbox, a row a command or slice of one. */
import type { Reader, Tx } from '../../io/db/mod.ts'
import type { MailboxId } from './contract.ts'
import { Entries } from './entries.ts'
import { sumOf } from './sums.ts'

export interface Expunged {
  readonly modSeq: number
  readonly entries: Entries
}

/** @param moved the messages live on elsewhere: upkeep has nothing to release */
export function addExpunged(
  tx: Tx,
  mailbox: MailboxId,
  modSeq: number,
  atMs: number,
  entries: Entries,
  moved: boolean,
): void {
  tx.sql('INSERT INTO expunged (mailbox, mod_seq, at, released, data, sum) VALUES (?, ?, ?, ?, ?, ?)').run(
    mailbox,
    modSeq,
    atMs,
    moved ? -1 : 0,
    entries.octets,
    sumOf(entries.octets),
  )
}

/** What left the mailbox after `modSeq`, in that order. */
export function expungedSince(reader: Reader, mailbox: MailboxId, modSeq: number): Expunged[] {
  return reader
    .sql('SELECT mod_seq, data FROM expunged WHERE mailbox = ? AND mod_seq > ? ORDER BY mod_seq')
    .all(mailbox, modSeq)
    .map((row) => ({ modSeq: Number(row[0]), entries: new Entries(row[1] as Uint8Array) })) // BLOB NOT NULL
}
