/**
 * The octets of a segment file: a header of 32 octets, then records one after the other.
 *
 * A record is a header of 64 octets, the content, then the facts (behind the content, for a spooled message knows its
 * facts last). All numbers are little-endian.
 *
 *     0  magic 'PREC'        4  kind (1)   5  reserved (3)   8  facts length (4)   12  CRC-32 of content (4)
 *    16  content length (8)  24  id (16)   40  CRC-32 of facts (4)   44  CRC-32 of octets 0 to 43 (4)   48  zeros
 */
import { crc32 } from 'node:zlib'
import type { RecordKind } from './contract.ts'

export const SEGMENT_HEADER = 32
export const RECORD_HEADER = 64

const SEGMENT_MAGIC = 'PSTGLOG1'
const RECORD_MAGIC = 0x43455250 // 'PREC'
/** What a record begins with. */
export const RECORD_MARK = Buffer.from('PREC', 'latin1')

const KINDS: readonly RecordKind[] = ['mail', 'append', 'moved']

export function segmentHeader(number: number): Buffer {
  const header = Buffer.alloc(SEGMENT_HEADER)
  header.write(SEGMENT_MAGIC, 'latin1')
  header.writeUIntLE(number, 8, 6)
  header.writeUInt32LE(crc32(header.subarray(0, 28)), 28)
  return header
}

/** The number of a segment, undefined where the octets are none of ours. */
export function readSegmentHeader(header: Buffer): number | undefined {
  if (header.length < SEGMENT_HEADER || header.toString('latin1', 0, 8) !== SEGMENT_MAGIC) return undefined
  if (header.readUInt32LE(28) !== crc32(header.subarray(0, 28))) return undefined
  return header.readUIntLE(8, 6)
}

export interface RecordHeader {
  readonly kind: RecordKind
  readonly id: Buffer
  readonly contentLength: number
  readonly contentCrc: number
  readonly factsLength: number
  readonly factsCrc: number
}

export function recordHeader(record: RecordHeader): Buffer {
  const header = Buffer.alloc(RECORD_HEADER)
  header.writeUInt32LE(RECORD_MAGIC, 0)
  header[4] = KINDS.indexOf(record.kind)
  header.writeUInt32LE(record.factsLength, 8)
  header.writeUInt32LE(record.contentCrc, 12)
  header.writeUIntLE(record.contentLength, 16, 6)
  record.id.copy(header, 24)
  header.writeUInt32LE(record.factsCrc, 40)
  header.writeUInt32LE(crc32(header.subarray(0, 44)), 44)
  return header
}

/** undefined where no whole record header stands. */
export function readRecordHeader(header: Buffer): RecordHeader | undefined {
  if (header.length < RECORD_HEADER || header.readUInt32LE(0) !== RECORD_MAGIC) return undefined
  if (header.readUInt32LE(44) !== crc32(header.subarray(0, 44))) return undefined
  const kind = KINDS[header[4] ?? KINDS.length]
  if (kind === undefined) return undefined
  return {
    kind,
    id: Buffer.from(header.subarray(24, 40)),
    contentLength: header.readUIntLE(16, 6),
    contentCrc: header.readUInt32LE(12),
    factsLength: header.readUInt32LE(8),
    factsCrc: header.readUInt32LE(40),
  }
}

/** Octets a record takes in its segment. */
export function recordLength(record: Pick<RecordHeader, 'contentLength' | 'factsLength'>): number {
  return RECORD_HEADER + record.contentLength + record.factsLength
}
