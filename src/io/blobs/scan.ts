/** All records of a segment as they lie in its file, damaged ones included: for who checks the log, and who saves what is left of it. */
import type { Position, RecordKind } from './contract.ts'
import { type FileSystem, realFileSystem } from './file-system.ts'
import { readRecordHeader, readSegmentHeader, RECORD_HEADER, SEGMENT_HEADER } from './format.ts'
import { type FoundRecord, Records } from './records.ts'
import { segmentOfName, segmentPath } from './segments.ts'

export interface ScannedRecord {
  readonly kind: RecordKind
  readonly id: Buffer
  /** Of its content. */
  readonly at: Position
  /** The offset behind the record. */
  readonly end: number
  facts(): Buffer
  /** At most 1 MiB a call. */
  read(from: number, to: number): Buffer
}

export interface DamagedOctets {
  /** What the header says of a record whose content or facts are not what was written. */
  readonly id: Buffer | undefined
  readonly offset: number
  readonly octets: number
}

export type Scanned = { readonly record: ScannedRecord } | { readonly damaged: DamagedOctets }

/**
 * In order of their places. Where no header stands the next one is sought. Throws what the file system throws (ENOENT: no such segment).
 * @param until octets from there on are not looked at; the end of the file without it
 */
export function* scanSegment(
  dir: string,
  segment: number,
  until = Number.POSITIVE_INFINITY,
  fs: FileSystem = realFileSystem,
): Generator<Scanned> {
  const records = new Records(fs, segmentPath(dir, segment), true)
  try {
    const end = Math.min(until, records.size)
    if (end > 0 && !records.isSegment(segment)) yield { damaged: { id: undefined, offset: 0, octets: SEGMENT_HEADER } }
    for (let at = SEGMENT_HEADER; at < end;) {
      const found = records.look(at)
      if (found === undefined || found.end > Math.max(end, records.size)) {
        const next = records.find(at + 1, end) ?? end
        yield { damaged: { id: found?.header.id, offset: at, octets: next - at } }
        at = next
        continue
      }
      const { header } = found
      if (found.isWhole) {
        yield { record: asScanned(records, found, segment) }
      } else yield { damaged: { id: header.id, offset: at, octets: found.end - at } }
      at = found.end
    }
  } finally {
    records.close()
  }
}

/** The whole record whose content is at a place, for as long as `look` takes; undefined where none is, or another. */
export function recordAt<T>(
  dir: string,
  { segment, offset, length }: Position,
  look: (record: ScannedRecord) => T,
  fs: FileSystem = realFileSystem,
): T | undefined {
  if (!fs.list(dir).some((name) => segmentOfName(name) === segment)) return undefined
  const records = new Records(fs, segmentPath(dir, segment), true)
  try {
    const found = records.look(offset - RECORD_HEADER)
    if (found?.isWhole !== true || found.header.contentLength !== length) return undefined
    return look(asScanned(records, found, segment))
  } finally {
    records.close()
  }
}

function asScanned(records: Records, found: FoundRecord, segment: number): ScannedRecord {
  const { header, at, end } = found
  return {
    kind: header.kind,
    id: header.id,
    at: { segment, offset: at + RECORD_HEADER, length: header.contentLength },
    end,
    facts: () => records.facts(found),
    read: (from, to) => records.content(found, from, to),
  }
}

/** Octets that `segmentIdentity` looks at. */
export const IDENTITY_OCTETS = SEGMENT_HEADER + RECORD_HEADER

/**
 * What tells a segment from any other of the same number, as one of before a restore has: the id of its first record.
 * @param head its first octets @returns undefined where it holds no record
 */
export function segmentIdentity(head: Buffer, number: number): string | undefined {
  if (readSegmentHeader(head) !== number) return undefined
  return readRecordHeader(head.subarray(SEGMENT_HEADER))?.id.toString('hex')
}

/** Numbers of the segments whose files are there, ascending. */
export function segmentFiles(dir: string, fs: FileSystem = realFileSystem): number[] {
  return fs
    .list(dir)
    .flatMap((name) => segmentOfName(name) ?? [])
    .toSorted((a, b) => a - b)
}
