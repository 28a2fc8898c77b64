/**
 * Sums of what SQLite cannot check: a flipped octet inside a BLOB or a text leaves a database well formed. The row carries a CRC-32 of
 * what never changes in it, and `postigo verify` compares. NULL: written before there were sums.
 */
import { crc32 } from 'node:zlib'

/** Of the packed columns of a page, of what was expunged, of private marks, of a conversation's name. */
export function sumOf(data: Uint8Array): number {
  return crc32(data)
}

/** What is kept of a message besides its place: a copy in another account has the same. */
export interface SummedMessage {
  readonly recordId: Uint8Array
  readonly sent: number | null
  readonly messageId: string
  readonly prefix: Uint8Array
  readonly envelope: Uint8Array
  readonly bodyStructure: Uint8Array
  readonly listedFields: Uint8Array
  readonly parts: Uint8Array
  readonly linked: Uint8Array | null
}

/** Lengths go in as well, so that no octet can pass from one column to the next. */
export function messageSum(message: SummedMessage): number {
  const { recordId, sent, messageId, prefix, envelope, bodyStructure, listedFields, parts, linked } = message
  let sum = crc32(
    `${sent ?? ''} ${messageId} ${prefix.length} ${envelope.length} ${bodyStructure.length} ${listedFields.length}`,
  )
  for (const piece of [recordId, prefix, envelope, bodyStructure, listedFields, parts]) sum = crc32(piece, sum)
  return linked === null ? sum : crc32(linked, sum)
}
