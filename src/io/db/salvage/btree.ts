/**
 * Pages of b-trees and the records in them, each looked at with distrust: what does not fit together is damaged, never an
 * exception. Format: sqlite.org/fileformat2.html §1.6 (pages), §2 (records).
 */
import { isUtf8 } from 'node:buffer'
import type { SqlValue } from '../contract.ts'

export type PageKind = 'index-interior' | 'table-interior' | 'index-leaf' | 'table-leaf'

const KINDS: Readonly<Record<number, PageKind>> = {
  2: 'index-interior',
  5: 'table-interior',
  10: 'index-leaf',
  13: 'table-leaf',
}
/** The header of a database's first page. */
const FILE_HEADER = 100
/** No row of ours is longer (mailbox_page, a message's columns): what damaged octets say beyond it is not believed. */
const PAYLOAD_LIMIT = 64 * 1024 * 1024
/** Columns of a record, as SQLite's own limit has it. */
const COLUMN_LIMIT = 2000

export interface Cell {
  readonly rowid: number
  /** The page below it, left; interior pages alone. */
  readonly child: number | undefined
  /** undefined where the row is damaged; interior pages of tables have none. */
  readonly values: readonly SqlValue[] | undefined
  /** Where its own octets begin in the page. */
  readonly at: number
}

export interface BtreePage {
  readonly kind: PageKind
  readonly cells: readonly Cell[]
  /** Cells that make no sense. */
  readonly damaged: number
  readonly right: number | undefined
}

export interface BtreeSource {
  readonly usable: number
  page(number: number): Buffer | undefined
  /** Told of each page that carries the rest of a long row. */
  onOverflow?(page: number): void
}

/** undefined: no page of a b-tree. */
export function readBtreePage(source: BtreeSource, number: number): BtreePage | undefined {
  const page = source.page(number)
  if (page === undefined) return undefined
  const head = number === 1 ? FILE_HEADER : 0
  const kind = KINDS[page[head] ?? 0]
  if (kind === undefined) return undefined
  const isInterior = kind.endsWith('interior')
  const pointers = head + (isInterior ? 12 : 8)
  const count = page.readUInt16BE(head + 3)
  const contentAt = page.readUInt16BE(head + 5) || 65_536
  if (pointers + 2 * count > Math.min(contentAt, source.usable)) return undefined
  const cells: Cell[] = []
  let damaged = 0
  for (let i = 0; i < count; i++) {
    const at = page.readUInt16BE(pointers + 2 * i)
    const cell = at >= contentAt && at < source.usable ? readCell(source, page, kind, at) : undefined
    if (cell === undefined) damaged++
    else cells.push(cell)
  }
  return { kind, cells, damaged, right: isInterior ? page.readUInt32BE(head + 8) : undefined }
}

function readCell(source: BtreeSource, page: Buffer, kind: PageKind, from: number): Cell | undefined {
  let at = from
  let child: number | undefined
  if (kind.endsWith('interior')) {
    if (at + 4 > page.length) return undefined
    child = page.readUInt32BE(at)
    at += 4
  }
  if (kind === 'table-interior') {
    const key = readVarint(page, at)
    return key && { rowid: Number(key.value), child, values: undefined, at: from }
  }
  const length = readVarint(page, at)
  if (length === undefined || length.value > PAYLOAD_LIMIT) return undefined
  at = length.end
  let rowid = 0
  if (kind === 'table-leaf') {
    const key = readVarint(page, at)
    if (key === undefined || !Number.isSafeInteger(Number(key.value))) return undefined
    rowid = Number(key.value)
    at = key.end
  }
  const payload = readPayload(source, page, { at, length: Number(length.value), isTable: kind === 'table-leaf' })
  return { rowid, child, values: payload && readRecord(payload), at: from }
}

interface Place {
  readonly at: number
  readonly length: number
  readonly isTable: boolean
}

/** A long row goes on in a chain of pages; undefined where that is cut. */
function readPayload(source: BtreeSource, page: Buffer, { at, length, isTable }: Place): Buffer | undefined {
  const { usable } = source
  const most = isTable ? usable - 35 : Math.floor(((usable - 12) * 64) / 255) - 23
  if (length <= most) return at + length <= usable ? page.subarray(at, at + length) : undefined
  const least = Math.floor(((usable - 12) * 32) / 255) - 23
  const wanted = least + ((length - least) % (usable - 4))
  const local = wanted <= most ? wanted : least
  if (at + local + 4 > usable) return undefined
  const pieces = [page.subarray(at, at + local)]
  let next = page.readUInt32BE(at + local)
  const seen = new Set<number>()
  for (let left = length - local; left > 0;) {
    const more = source.page(next)
    if (more === undefined || seen.has(next)) return undefined // cut, or led back into itself
    seen.add(next)
    source.onOverflow?.(next)
    pieces.push(more.subarray(4, 4 + Math.min(left, usable - 4)))
    left -= usable - 4
    next = more.readUInt32BE(0)
  }
  return Buffer.concat(pieces)
}

/** The columns of a record; undefined where its header and its octets do not come to the same length. */
export function readRecord(payload: Buffer): SqlValue[] | undefined {
  const head = readVarint(payload, 0)
  if (head === undefined || head.value > payload.length) return undefined
  const types: number[] = []
  let at = head.end
  while (at < head.value) {
    const type = readVarint(payload, at)
    if (type === undefined || type.value > PAYLOAD_LIMIT * 2 + 13 || types.length >= COLUMN_LIMIT) return undefined
    types.push(Number(type.value))
    at = type.end
  }
  if (at !== Number(head.value)) return undefined
  const values: SqlValue[] = []
  for (const type of types) {
    const length = lengthOf(type)
    if (length === undefined || at + length > payload.length) return undefined
    const value = readValue(type, payload.subarray(at, at + length))
    if (value === undefined) return undefined
    values.push(value)
    at += length
  }
  return at === payload.length ? values : undefined
}

const LENGTHS: readonly (number | undefined)[] = [0, 1, 2, 3, 4, 6, 8, 8, 0, 0, undefined, undefined]

function lengthOf(type: number): number | undefined {
  return type >= 12 ? (type - 12) >> 1 : LENGTHS[type]
}

function readValue(type: number, octets: Buffer): SqlValue | undefined {
  if (type === 0) return null
  if (type <= 5) return octets.readIntBE(0, octets.length)
  if (type === 6) {
    const value = octets.readBigInt64BE(0)
    return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value
  }
  if (type === 7) return octets.readDoubleBE(0)
  if (type <= 9) return type - 8
  if ((type & 1) === 0) return Buffer.from(octets)
  return isUtf8(octets) ? octets.toString('utf8') : undefined
}

/** Big-endian, 7 bits an octet, 8 in the ninth; a key may be negative. */
function readVarint(octets: Buffer, from: number): { readonly value: bigint; readonly end: number } | undefined {
  let value = 0n
  for (let i = 0; i < 9; i++) {
    const octet = octets[from + i]
    if (octet === undefined) return undefined
    if (i === 8) return { value: BigInt.asIntN(64, (value << 8n) | BigInt(octet)), end: from + 9 }
    value = (value << 7n) | BigInt(octet & 0x7f)
    if (octet < 0x80) return { value, end: from + i + 1 }
  }
  return undefined
}
