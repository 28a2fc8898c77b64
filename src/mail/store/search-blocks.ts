/**
 * Rows of the search index. Signatures (search-signature.ts) of an account's messages wait, one row each, until there are enough
 * for a block; in a block they stand bit by bit, so that a search reads the few bits it needs of all messages at once.
 *
 * A slice holds SLICE_BITS bits of all messages of a block, BIT_OCTETS each: one page of the database.
 */
import type { Reader, SqlValue, Tx } from '../../io/db/mod.ts'
import type { AccountId } from '../accounts/mod.ts'
import { SIGNATURE_BITS, SIGNATURE_OCTETS } from './search-signature.ts'

/** Messages of a block. */
export const BLOCK_MESSAGES = 1024
/** Octets of one bit of all messages of a block. */
export const BIT_OCTETS = BLOCK_MESSAGES / 8
export const SLICE_BITS = 31
export const BLOCK_SLICES = Math.ceil(SIGNATURE_BITS / SLICE_BITS)

/** What belongs to no account any more (0 has the shared mailboxes); upkeep removes it. */
const NOBODY = -1

/** Messages in order of arrival, with their signatures one after the other. */
export interface Signed {
  readonly messages: readonly number[]
  readonly signatures: Uint8Array
}

export interface BlockRow {
  readonly block: number
  readonly account: AccountId
  readonly messages: Float64Array
  /** How many of these are gone. */
  readonly gone: number
}

/** The slices of a block: bit by bit what came message by message. */
export function packBlock({ messages, signatures }: Signed): Uint8Array {
  const block = new Uint8Array(BLOCK_SLICES * SLICE_BITS * BIT_OCTETS)
  const rows = new Uint8Array(8 * SIGNATURE_OCTETS) // of eight messages, zero where there is none
  const square = new Uint8Array(8)
  for (let place = 0; place < messages.length; place += 8) {
    rows.fill(0)
    rows.set(signatures.subarray(place * SIGNATURE_OCTETS, (place + 8) * SIGNATURE_OCTETS))
    for (let i = 0; i < SIGNATURE_OCTETS; i++) {
      for (let k = 0; k < 8; k++) square[k] = rows[k * SIGNATURE_OCTETS + i]!
      transpose(square)
      for (let k = 0; k < 8; k++) block[(i * 8 + k) * BIT_OCTETS + (place >> 3)] = square[k]!
    }
  }
  return block
}

/** The signatures that were packed, one after the other. */
export function unpackBlock(block: Uint8Array, count: number): Uint8Array {
  const signatures = new Uint8Array(Math.ceil(count / 8) * 8 * SIGNATURE_OCTETS)
  const square = new Uint8Array(8)
  for (let place = 0; place < count; place += 8) {
    for (let i = 0; i < SIGNATURE_OCTETS; i++) {
      for (let k = 0; k < 8; k++) square[k] = block[(i * 8 + k) * BIT_OCTETS + (place >> 3)]!
      transpose(square)
      for (let k = 0; k < 8; k++) signatures[(place + k) * SIGNATURE_OCTETS + i] = square[k]!
    }
  }
  return signatures.subarray(0, count * SIGNATURE_OCTETS)
}

/** Eight octets as a square of bits, turned over: bit b of octet a becomes bit a of octet b. */
function transpose(o: Uint8Array): void {
  let x = (o[7]! << 24) | (o[6]! << 16) | (o[5]! << 8) | o[4]!
  let y = (o[3]! << 24) | (o[2]! << 16) | (o[1]! << 8) | o[0]!
  let t = (x ^ (x >>> 7)) & 0x00aa00aa
  x ^= t ^ (t << 7)
  t = (y ^ (y >>> 7)) & 0x00aa00aa
  y ^= t ^ (t << 7)
  t = (x ^ (x >>> 14)) & 0x0000cccc
  x ^= t ^ (t << 14)
  t = (y ^ (y >>> 14)) & 0x0000cccc
  y ^= t ^ (t << 14)
  const high = (x & 0xf0f0f0f0) | ((y >>> 4) & 0x0f0f0f0f)
  const low = ((x << 4) & 0xf0f0f0f0) | (y & 0x0f0f0f0f)
  o[7] = high >>> 24
  o[6] = high >>> 16
  o[5] = high >>> 8
  o[4] = high
  o[3] = low >>> 24
  o[2] = low >>> 16
  o[1] = low >>> 8
  o[0] = low
}

/** Slices of a block that is not there yet; nobody sees them before `addBlock`. Answers the next one to write. */
export function writeSlices(tx: Tx, block: number, packed: Uint8Array, from: number, count: number): number {
  const insert = tx.sql('INSERT OR REPLACE INTO search_slice (id, bits) VALUES (?, ?)')
  const octets = SLICE_BITS * BIT_OCTETS
  const end = Math.min(BLOCK_SLICES, from + count)
  for (let i = from; i < end; i++) insert.run(sliceId(block, i), packed.subarray(i * octets, (i + 1) * octets))
  return end
}

export const sliceId = (block: number, slice: number): number => block * BLOCK_SLICES + slice

export function nextBlock(reader: Reader): number {
  return Number(reader.sql('SELECT coalesce(max(block), 0) + 1 FROM search_block').get()?.[0])
}

/** The block is there from now on. Messages that went away while it was made are counted as gone. */
export function addBlock(tx: Tx, block: number, account: AccountId, messages: readonly number[]): void {
  const there = Number(tx.sql(COUNT_THERE).get(JSON.stringify(messages))?.[0])
  tx.sql(
    'INSERT INTO search_block (block, account, first_message, last_message, gone, messages) VALUES (?, ?, ?, ?, ?, ?)',
  ).run(
    block,
    account,
    messages[0] ?? 0,
    messages.at(-1) ?? 0,
    messages.length - there,
    new Uint8Array(Float64Array.from(messages).buffer),
  )
}

const COUNT_THERE = 'SELECT count(*) FROM message WHERE id IN (SELECT value FROM json_each(?))'

/** Waits for a block, where the message is still there. */
export function addRecent(tx: Tx, account: AccountId, message: number, signature: Uint8Array): void {
  tx.sql('INSERT OR REPLACE INTO search_recent (account, message, bits) SELECT ?, id, ? FROM message WHERE id = ?').run(
    account,
    signature,
    message,
  )
}

export function removeRecent(tx: Tx, account: AccountId, upTo: number): void {
  tx.sql('DELETE FROM search_recent WHERE account = ? AND message <= ?').run(account, upTo)
}

/** Gives blocks up: an account's, or all. What waits for one goes too. */
export function disownBlocks(tx: Tx, account?: AccountId): void {
  if (account === undefined) {
    tx.sql('UPDATE search_block SET account = ?').run(NOBODY)
    tx.sql('DELETE FROM search_recent').run()
    return
  }
  tx.sql('UPDATE search_block SET account = ? WHERE account = ?').run(NOBODY, account)
  tx.sql('DELETE FROM search_recent WHERE account = ?').run(account)
}

export function disownBlock(tx: Tx, block: number): void {
  tx.sql('UPDATE search_block SET account = ? WHERE block = ?').run(NOBODY, block)
}

/** Removes some slices of what was given up; answers how many rows went, 0 for nothing left. */
export function removeDisowned(tx: Tx, count: number): number {
  const row = tx.sql('SELECT block FROM search_block WHERE account = ? LIMIT 1').get(NOBODY)
  if (row === undefined) return 0
  const block = Number(row[0])
  const { changes } = tx
    .sql(`DELETE FROM search_slice WHERE id IN (SELECT id FROM search_slice WHERE id >= ? AND id < ? LIMIT ?)`)
    .run(sliceId(block, 0), sliceId(block + 1, 0), count)
  if (changes > 0) return changes
  tx.sql('DELETE FROM search_block WHERE block = ?').run(block)
  return 1
}

/** A message is gone for good. */
export function forgetMessage(tx: Tx, account: AccountId, message: number): void {
  if (tx.sql('DELETE FROM search_recent WHERE account = ? AND message = ?').run(account, message).changes > 0) return
  tx.sql(FORGET).run(account, message, message)
}

const FORGET = `UPDATE search_block SET gone = gone + 1 WHERE block = (SELECT block FROM search_block
  WHERE account = ? AND first_message <= ? ORDER BY first_message DESC LIMIT 1) AND last_message >= ?`

/** Blocks of an account that may hold messages from `first` to `last`, in order of arrival. */
export function blocksBetween(
  reader: Reader,
  account: AccountId,
  first: number,
  last: number,
): [number, number, number][] {
  return reader
    .sql(
      `SELECT block, first_message, last_message FROM search_block
       WHERE account = ? AND last_message >= ? AND first_message <= ? ORDER BY first_message`,
    )
    .all(account, first, last)
    .map(([block, from, to]) => [Number(block), Number(from), Number(to)])
}

export function blockRow(reader: Reader, block: number): BlockRow | undefined {
  const row = reader.sql('SELECT account, messages, gone FROM search_block WHERE block = ?').get(block)
  if (row === undefined) return undefined
  return { block, account: Number(row[0]), messages: numbers(row[1]), gone: Number(row[2]) }
}

export function sliceBits(reader: Reader, block: number, slice: number): Uint8Array | undefined {
  const row = reader.sql('SELECT bits FROM search_slice WHERE id = ?').get(sliceId(block, slice))
  return row === undefined ? undefined : (row[0] as Uint8Array) // BLOB NOT NULL
}

/** What waits for a block, in order of arrival. */
export function recentSignatures(
  reader: Reader,
  account: AccountId,
  after: number,
  limit: number,
): [number, Uint8Array][] {
  return reader
    .sql('SELECT message, bits FROM search_recent WHERE account = ? AND message > ? ORDER BY message LIMIT ?')
    .all(account, after, limit)
    .map(([message, bits]) => [Number(message), bits as Uint8Array]) // BLOB NOT NULL
}

export function countRecent(reader: Reader, account: AccountId): number {
  return Number(reader.sql('SELECT count(*) FROM search_recent WHERE account = ?').get(account)?.[0])
}

/** The last message of an account that is in a block; 0 for none. */
export function lastInBlocks(reader: Reader, account: AccountId): number {
  return Number(
    reader.sql('SELECT coalesce(max(last_message), 0) FROM search_block WHERE account = ?').get(account)?.[0],
  )
}

function numbers(value: SqlValue | undefined): Float64Array {
  const octets = value as Uint8Array // BLOB NOT NULL
  return new Float64Array(octets.slice().buffer)
}
