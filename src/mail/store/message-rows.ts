/** Rows of `message` and `placement`: content, what was computed of it, and where it lies in mailboxes. */
import { isAscii } from 'node:buffer'
import { type Position, releaseContent, retainContent } from '../../io/blobs/mod.ts'
import type { Reader, SqlValue, Tx } from '../../io/db/mod.ts'
import type { AccountId } from '../accounts/mod.ts'
import type { Deposit, MailboxId, SearchedMessage, StoredMessage } from './contract.ts'
import { forgetMessage } from './search-blocks.ts'
import { messageSum } from './sums.ts'
import { packKeys, unpackKeys } from './thread-keys.ts'
import { joinThread, leaveThread } from './thread-links.ts'

/** Rows read at once. */
export const MESSAGE_BATCH = 256

const INSERT = `INSERT INTO message (account, mailbox, uid, record_id, segment, offset, length, sent, message_id,
  prefix, envelope, body_structure, listed_fields, parts, thread, saved, linked, uidl, raw_headers, sum)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

/** What SEARCH looks at comes first. */
const SEARCHED = 'id, record_id, thread, listed_fields, parts, prefix, segment, offset, length, sent'
const OF_SOME = 'FROM message WHERE account = ? AND id IN (SELECT value FROM json_each(?))'
const SELECT = `SELECT ${SEARCHED}, envelope, body_structure ${OF_SOME}`
const SELECT_SEARCHED = `SELECT ${SEARCHED} ${OF_SOME}`

const AFTER = `SELECT ${SEARCHED}, account FROM message WHERE id > ? AND id <= ? ORDER BY id LIMIT ?`
const AFTER_OF = `SELECT ${SEARCHED}, account FROM message WHERE id > ? AND id <= ? AND account = ? ORDER BY id LIMIT ?`

const PLACE = 'INSERT INTO placement (message, mailbox, uid, saved) VALUES (?, ?, ?, ?)'

/** A new message with its first place. The row refers to the content from now on. */
export function addMessage(tx: Tx, deposit: Deposit, mailbox: MailboxId, uid: number, savedMs: number): number {
  const { at, facts, account, recordId } = deposit
  const thread = joinThread(tx, account, facts.threadKeys, recordId)
  const sent = Number.isNaN(facts.sentMs) ? null : facts.sentMs
  const linked = packKeys(facts.threadKeys)
  const sum = messageSum({ ...facts, recordId, sent, prefix: deposit.prefix, linked })
  retainContent(tx, at)
  return tx
    .sql(INSERT)
    .run(
      account,
      mailbox,
      uid,
      recordId,
      at.segment,
      at.offset,
      at.length,
      sent,
      facts.messageId,
      deposit.prefix,
      facts.envelope,
      facts.bodyStructure,
      facts.listedFields,
      facts.parts,
      thread === recordId ? null : thread,
      savedMs,
      linked,
      deposit.imported?.uidl ?? null,
      facts.rawHeaders || !isAscii(deposit.prefix) ? 1 : 0,
      sum,
    ).lastInsertRowid
}

/** A further place of a message (COPY). */
export function addPlacement(tx: Tx, message: number, mailbox: MailboxId, uid: number, savedMs: number): void {
  tx.sql(PLACE).run(message, mailbox, uid, savedMs)
}

/**
 * The same content as a message of another account, with its first place there. It joins that account's conversations.
 * @returns its row
 */
export function copyToAccount(
  tx: Tx,
  message: number,
  account: AccountId,
  [mailbox, uid]: readonly [MailboxId, number],
  savedMs: number,
): number {
  const row = tx.sql('SELECT record_id, segment, offset, length, linked FROM message WHERE id = ?').get(message)
  if (row === undefined) throw new Error(`No message ${message} to copy`)
  const recordId = buffer(row[0])
  const [segment = 0, offset = 0, length = 0] = row.slice(1, 4).map(Number)
  const linked = row[4] ?? null
  const thread = linked === null ? recordId : joinThread(tx, account, unpackKeys(buffer(linked)), recordId)
  retainContent(tx, { segment, offset, length })
  return tx.sql(COPY_ROW).run(account, mailbox, uid, thread === recordId ? null : thread, savedMs, message)
    .lastInsertRowid
}

const COPY_ROW = `INSERT INTO message (account, mailbox, uid, record_id, segment, offset, length, sent, message_id,
  prefix, envelope, body_structure, listed_fields, parts, thread, saved, linked, raw_headers, sum)
  SELECT ?, ?, ?, record_id, segment, offset, length, sent, message_id, prefix, envelope, body_structure,
  listed_fields, parts, ?, ?, linked, raw_headers, sum FROM message WHERE id = ?`

/** A message leaves one place for another (MOVE). */
export function movePlacement(
  tx: Tx,
  message: number,
  from: readonly [MailboxId, number],
  to: readonly [MailboxId, number],
  savedMs: number,
): void {
  const first = tx
    .sql('UPDATE message SET mailbox = ?, uid = ?, saved = ? WHERE id = ? AND mailbox = ? AND uid = ?')
    .run(...to, savedMs, message, ...from)
  if (first.changes === 0)
    tx.sql('UPDATE placement SET mailbox = ?, uid = ?, saved = ? WHERE message = ? AND mailbox = ? AND uid = ?').run(
      ...to,
      savedMs,
      message,
      ...from,
    )
}

/** A message leaves a place for good; with its last one the row goes and the content is released. */
export function dropPlacement(tx: Tx, message: number, mailbox: MailboxId, uid: number): void {
  const row = tx
    .sql('SELECT mailbox, uid, segment, offset, length, account, linked FROM message WHERE id = ?')
    .get(message)
  if (row === undefined) return
  const [firstMailbox, firstUid, segment = 0, offset = 0, length = 0, account = 0] = row.slice(0, 6).map(Number)
  if (firstMailbox !== mailbox || firstUid !== uid) {
    tx.sql('DELETE FROM placement WHERE message = ? AND mailbox = ? AND uid = ?').run(message, mailbox, uid)
    return
  }
  const next = tx.sql('SELECT mailbox, uid, saved FROM placement WHERE message = ? LIMIT 1').get(message)
  if (next !== undefined) {
    const [toMailbox = 0, toUid = 0, saved = null] = next
    tx.sql('DELETE FROM placement WHERE message = ? AND mailbox = ? AND uid = ?').run(message, toMailbox, toUid)
    tx.sql('UPDATE message SET mailbox = ?, uid = ?, saved = ? WHERE id = ?').run(toMailbox, toUid, saved, message)
    return
  }
  tx.sql('DELETE FROM message WHERE id = ?').run(message)
  forgetMessage(tx, account, message)
  // What joined is left, nothing else: a message of before there were conversations never joined one.
  if (row[6] !== null) leaveThread(tx, account, unpackKeys(buffer(row[6])))
  releaseContent(tx, { segment, offset, length })
}

/** Rows by id, in the order asked for; undefined where a message is gone, or another account's. */
export function messagesById(
  reader: Reader,
  account: AccountId,
  ids: readonly number[],
): (StoredMessage | undefined)[] {
  const found = new Map<number, StoredMessage>()
  for (const row of reader.sql(SELECT).all(account, JSON.stringify(ids))) {
    const message = { ...searched(row), envelope: buffer(row[10]), bodyStructure: buffer(row[11]) }
    found.set(message.id, message)
  }
  return ids.map((id) => found.get(id))
}

/** The same with less to read. */
export function searchedById(
  reader: Reader,
  account: AccountId,
  ids: readonly number[],
): (SearchedMessage | undefined)[] {
  const found = new Map<number, SearchedMessage>()
  for (const row of reader.sql(SELECT_SEARCHED).all(account, JSON.stringify(ids))) {
    const message = searched(row)
    found.set(message.id, message)
  }
  return ids.map((id) => found.get(id))
}

/** Messages in order of arrival, of one account or of all. */
export function messagesBetween(
  reader: Reader,
  range: { readonly after: number; readonly until: number; readonly account?: AccountId | undefined },
  limit: number,
): { readonly account: AccountId; readonly message: SearchedMessage }[] {
  const { after, until, account } = range
  const rows =
    account === undefined
      ? reader.sql(AFTER).all(after, until, limit)
      : reader.sql(AFTER_OF).all(after, until, account, limit)
  return rows.map((row) => ({ account: Number(row[10]), message: searched(row) }))
}

/** The highest row so far. */
export function lastMessage(reader: Reader): number {
  return Number(reader.sql('SELECT coalesce(max(id), 0) FROM message').get()?.[0])
}

/** UIDLs by row, in the order asked for: the record's id, or what it had elsewhere; undefined where a message is gone. */
export function uidls(reader: Reader, ids: readonly number[]): (string | undefined)[] {
  const known = new Map<number, string>()
  for (const [id, record, uidl] of reader.sql(UIDLS).all(JSON.stringify(ids)))
    known.set(Number(id), typeof uidl === 'string' ? uidl : buffer(record).toString('hex'))
  return ids.map((id) => known.get(id))
}

const UIDLS = 'SELECT id, record_id, uidl FROM message WHERE id IN (SELECT value FROM json_each(?))'

/** When messages came into a mailbox; undefined where that is not known. */
export function savedTimes(
  reader: Reader,
  mailbox: MailboxId,
  places: readonly { readonly message: number; readonly uid: number }[],
): (number | undefined)[] {
  const ids = JSON.stringify(places.map(({ message }) => message))
  const known = new Map<number, number>() // by UID
  for (const sql of [SAVED_FIRST, SAVED_FURTHER]) {
    for (const [uid, saved] of reader.sql(sql).all(mailbox, ids))
      if (typeof saved === 'number') known.set(Number(uid), saved)
  }
  return places.map(({ uid }) => known.get(uid))
}

const SAVED_FIRST = 'SELECT uid, saved FROM message WHERE mailbox = ? AND id IN (SELECT value FROM json_each(?))'
const SAVED_FURTHER =
  'SELECT uid, saved FROM placement WHERE mailbox = ? AND message IN (SELECT value FROM json_each(?))'

/** Messages of an account that have header sections that are not ASCII. */
export function rawHeaderIds(reader: Reader, account: AccountId): ReadonlySet<number> {
  const rows = reader.sql('SELECT id FROM message WHERE account = ? AND raw_headers = 1').all(account)
  return new Set(rows.map(([id]) => Number(id)))
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

function searched(row: SqlValue[]): SearchedMessage {
  const prefix = buffer(row[5])
  const recordId = buffer(row[1])
  const length = Number(row[8])
  return {
    id: Number(row[0]),
    recordId,
    threadRecordId: row[2] === null ? recordId : buffer(row[2]),
    listedFields: buffer(row[3]),
    parts: buffer(row[4]),
    prefix,
    at: { segment: Number(row[6]), offset: Number(row[7]), length },
    sentMs: row[9] === null ? Number.NaN : Number(row[9]),
    sizeOctets: prefix.length + length,
  }
}
