/** Rows of `message` and `placement`: content, what was computed of it, and where it lies in mailboxes. */
import { type Position, releaseContent, retainContent } from '../../io/blobs/mod.ts'
import type { Reader, SqlValue, Tx } from '../../io/db/mod.ts'
import type { AccountId } from '../accounts/mod.ts'
import type { Deposit, MailboxId, StoredMessage } from './contract.ts'

/** Rows read at once. */
export const MESSAGE_BATCH = 256

const INSERT = `INSERT INTO message (account, mailbox, uid, record_id, segment, offset, length, sent, message_id,
  prefix, envelope, body_structure, listed_fields, parts) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

const SELECT = `SELECT id, record_id, envelope, body_structure, listed_fields, parts, prefix, segment, offset, length, sent
  FROM message WHERE account = ? AND id IN (SELECT value FROM json_each(?))`

const PLACE = 'INSERT INTO placement (message, mailbox, uid) VALUES (?, ?, ?)'

/** A new message with its first place. The row refers to the content from now on. */
export function addMessage(tx: Tx, deposit: Deposit, mailbox: MailboxId, uid: number): number {
  const { at, facts } = deposit
  retainContent(tx, at)
  return tx
    .sql(INSERT)
    .run(
      deposit.account,
      mailbox,
      uid,
      deposit.recordId,
      at.segment,
      at.offset,
      at.length,
      Number.isNaN(facts.sentMs) ? null : facts.sentMs,
      facts.messageId,
      deposit.prefix,
      facts.envelope,
      facts.bodyStructure,
      facts.listedFields,
      facts.parts,
    ).lastInsertRowid
}

/** A further place of a message (COPY). */
export function addPlacement(tx: Tx, message: number, mailbox: MailboxId, uid: number): void {
  tx.sql(PLACE).run(message, mailbox, uid)
}

/** A message leaves one place for another (MOVE). */
export function movePlacement(
  tx: Tx,
  message: number,
  from: readonly [MailboxId, number],
  to: readonly [MailboxId, number],
): void {
  const first = tx
    .sql('UPDATE message SET mailbox = ?, uid = ? WHERE id = ? AND mailbox = ? AND uid = ?')
    .run(...to, message, ...from)
  if (first.changes === 0)
    tx.sql('UPDATE placement SET mailbox = ?, uid = ? WHERE message = ? AND mailbox = ? AND uid = ?').run(
      ...to,
      message,
      ...from,
    )
}

/** A message leaves a place for good; with its last one the row goes and the content is released. */
export function dropPlacement(tx: Tx, message: number, mailbox: MailboxId, uid: number): void {
  const row = tx.sql('SELECT mailbox, uid, segment, offset, length FROM message WHERE id = ?').get(message)
  if (row === undefined) return
  const [firstMailbox, firstUid, segment, offset, length] = row.map(Number)
  if (firstMailbox !== mailbox || firstUid !== uid) {
    tx.sql('DELETE FROM placement WHERE message = ? AND mailbox = ? AND uid = ?').run(message, mailbox, uid)
    return
  }
  const next = tx.sql('SELECT mailbox, uid FROM placement WHERE message = ? LIMIT 1').get(message)
  if (next !== undefined) {
    tx.sql('DELETE FROM placement WHERE message = ? AND mailbox = ? AND uid = ?').run(message, ...next)
    tx.sql('UPDATE message SET mailbox = ?, uid = ? WHERE id = ?').run(...next, message)
    return
  }
  tx.sql('DELETE FROM message WHERE id = ?').run(message)
  releaseContent(tx, { segment: segment ?? 0, offset: offset ?? 0, length: length ?? 0 })
}

/** Rows by id, in the order asked for; undefined where a message is gone, or another account's. */
export function messagesById(
  reader: Reader,
  account: AccountId,
  ids: readonly number[],
): (StoredMessage | undefined)[] {
  const found = new Map<number, StoredMessage>()
  for (const row of reader.sql(SELECT).all(account, JSON.stringify(ids))) {
    const message = fromRow(row)
    found.set(message.id, message)
  }
  return ids.map((id) => found.get(id))
}

/** Where a message's content lies now; undefined when it is gone. */
export function positionOf(reader: Reader, message: number): Position | undefined {
  const row = reader.sql('SELECT segment, offset, length FROM message WHERE id = ?').get(message)
  return row === undefined ? undefined : { segment: Number(row[0]), offset: Number(row[1]), length: Number(row[2]) }
}

function buffer(value: SqlValue | undefined): Buffer {
  const octets = value as Uint8Array // BLOB NOT NULL columns
  return Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength)
}

function fromRow(row: SqlValue[]): StoredMessage {
  const prefix = buffer(row[6])
  const length = Number(row[9])
  return {
    id: Number(row[0]),
    recordId: buffer(row[1]),
    envelope: buffer(row[2]),
    bodyStructure: buffer(row[3]),
    listedFields: buffer(row[4]),
    parts: buffer(row[5]),
    prefix,
    at: { segment: Number(row[7]), offset: Number(row[8]), length },
    sentMs: row[10] === null ? Number.NaN : Number(row[10]),
    sizeOctets: prefix.length + length,
  }
}
