/**
 * The message log against the rows that point into it: each record's sums, and that every row's position is whole content of the
 * right record. Rows and records of a segment are gone through side by side, in order of place.
 */
import { type ScannedRecord, scanSegment, type SegmentRow, segmentRows } from '../../io/blobs/mod.ts'
import type { Reader } from '../../io/db/mod.ts'
import { decodePlan } from '../../mail/intake/mod.ts'

export interface LogFinding {
  readonly segment: number
  readonly offset?: number
  readonly account?: number
  readonly mailbox?: number
  readonly uid?: number
  readonly queueId?: string
  readonly text: string
}

export interface LogCheck {
  readonly reader: Reader
  /** The log's directory. */
  readonly dir: string
  readonly onFinding: (finding: LogFinding) => void
  /** Octets looked at. */
  readonly onProgress: (octets: number) => void
}

export interface LogCounts {
  segments: number
  records: number
  octets: number
}

/** A row that points into the log. */
interface Referring {
  readonly table: 'message' | 'queue_message'
  readonly id: number
  readonly offset: number
  readonly length: number
  readonly recordId: Buffer | undefined
  readonly where: Partial<LogFinding>
}

const ROWS = 256

export function checkLog(check: LogCheck): LogCounts {
  const counts: LogCounts = { segments: 0, records: 0, octets: 0 }
  for (const row of segmentRows(check.reader)) {
    if (row.state === 'dead') continue
    // SQLite's integrity_check does not ask for what CHECK says.
    if (row.state !== 'open' && row.state !== 'sealed')
      check.onFinding({ segment: row.number, text: `its state is said to be ${String(row.state satisfies never)}` })
    counts.segments++
    checkSegment(check, row, counts)
  }
  checkLive(check)
  return counts
}

function checkSegment(check: LogCheck, { number: segment, state, watermark }: SegmentRow, counts: LogCounts): void {
  // One that is sealed ends where it has been acted on; in one that is open others write.
  const until = state === 'sealed' ? Number.POSITIVE_INFINITY : watermark
  const before = counts.octets
  const rows = referring(check.reader, segment)
  let row = rows.next()
  const lost = (text: string, below: number): void => {
    for (; row.done !== true && row.value.offset < below; row = rows.next()) tellLost(check, segment, row.value, text)
  }
  try {
    let reached = 0
    for (const scanned of scanSegment(check.dir, segment, until)) {
      if ('damaged' in scanned) {
        const { offset, octets } = scanned.damaged
        check.onFinding({ segment, offset, text: `${octets} octets are not what was written` })
        lost('its content is damaged', offset + octets)
        reached = offset + octets
        continue
      }
      const { record } = scanned
      counts.records++
      lost('there is no record where its content should be', record.at.offset)
      for (; row.done !== true && row.value.offset < record.at.offset + record.at.length; row = rows.next())
        checkRow(check, record, row.value)
      reached = record.end
      counts.octets = before + reached
      check.onProgress(counts.octets)
    }
    if (reached < watermark && watermark > SEGMENT_START)
      check.onFinding({ segment, offset: reached, text: `the segment ends here; ${watermark} octets were written` })
    if (reached > watermark && isAt(check.reader, segment, watermark))
      check.onFinding({ segment, offset: watermark, text: `said to end here, and goes on to ${reached}` })
    lost('the segment is shorter than it was', watermark)
    // What is left came after the look at the watermark.
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error // all that fs throws has a code
    if (!isThere(check.reader, segment)) return
    if (watermark > 0) check.onFinding({ segment, text: 'the file is missing' })
    lost('its segment is missing', Number.POSITIVE_INFINITY)
  }
}

/** A segment's header alone. */
const SEGMENT_START = 32

function checkRow(check: LogCheck, record: ScannedRecord, row: Referring): void {
  const { offset, length, recordId } = row
  const { kind, id, at } = record
  if (offset + length > at.offset + at.length) tellLost(check, at.segment, row, 'its content goes beyond its record')
  else if (kind !== 'moved' && offset === at.offset && recordId?.equals(id) === false && !wentThroughQueue(record))
    tellLost(check, at.segment, row, 'another message lies where its content should be')
}

/** What an agent delivers out of the queue has an id of its own, each time. */
function wentThroughQueue(record: ScannedRecord): boolean {
  if (record.kind !== 'mail') return false
  const { queued, forwarded = [] } = decodePlan(record.facts()) // the record's sum was right
  return queued.length + forwarded.length > 0
}

/** A row that went or moved meanwhile is no finding. */
function tellLost({ reader, onFinding }: LogCheck, segment: number, row: Referring, text: string): void {
  const { table, id, offset, where } = row
  const is = reader.sql(`SELECT 1 FROM ${table} WHERE id = ? AND segment = ? AND offset = ?`).get(id, segment, offset)
  if (is !== undefined) onFinding({ ...where, segment, offset, text })
}

function isAt(reader: Reader, segment: number, watermark: number): boolean {
  return reader.sql('SELECT 1 FROM segment WHERE number = ? AND watermark = ?').get(segment, watermark) !== undefined
}

function isThere(reader: Reader, segment: number): boolean {
  return reader.sql("SELECT 1 FROM segment WHERE number = ? AND state <> 'dead'").get(segment) !== undefined
}

/** Rows of store and queue by their place in the segment. */
function* referring(reader: Reader, segment: number): Generator<Referring> {
  const messages = paged((after) =>
    reader
      .sql(
        `SELECT id, offset, length, record_id, account, mailbox, uid FROM message
         WHERE segment = ? AND (offset, id) > (?, ?) ORDER BY offset, id LIMIT ${ROWS}`,
      )
      .all(segment, ...after)
      .map(([id, offset, length, recordId, account, mailbox, uid]) => ({
        table: 'message' as const,
        id: Number(id),
        offset: Number(offset),
        length: Number(length),
        recordId: Buffer.from(recordId as Uint8Array), // BLOB NOT NULL
        where: { account: Number(account), mailbox: Number(mailbox), uid: Number(uid) },
      })),
  )
  const queued = paged((after) =>
    reader
      .sql(
        `SELECT id, offset, length, queue_id FROM queue_message
         WHERE segment = ? AND (offset, id) > (?, ?) ORDER BY offset, id LIMIT ${ROWS}`,
      )
      .all(segment, ...after)
      .map(([id, offset, length, queueId]) => ({
        table: 'queue_message' as const,
        id: Number(id),
        offset: Number(offset),
        length: Number(length),
        recordId: undefined,
        where: { queueId: String(queueId) },
      })),
  )
  let [one, other] = [messages.next(), queued.next()]
  while (one.done !== true || other.done !== true) {
    if (other.done === true || (one.done !== true && one.value.offset <= other.value.offset)) {
      if (one.done !== true) yield one.value
      one = messages.next()
    } else {
      yield other.value
      other = queued.next()
    }
  }
}

function* paged(page: (after: readonly [number, number]) => Referring[]): Generator<Referring> {
  for (let after: readonly [number, number] = [-1, 0]; ;) {
    const rows = page(after)
    yield* rows
    const last = rows.at(-1)
    if (last === undefined) return
    after = [last.offset, last.id]
  }
}

/** What the rows of segments say is referred to, counted anew; and that no number can be given twice. */
function checkLive({ reader, onFinding }: LogCheck): void {
  const rows = reader.sql(
    `SELECT s.number, s.live_octets, coalesce(r.octets, 0) FROM segment s LEFT JOIN (
       SELECT segment, sum(length) AS octets FROM (
         SELECT segment, length FROM message UNION ALL SELECT segment, length FROM queue_message) GROUP BY segment
     ) r ON r.segment = s.number WHERE s.live_octets <> coalesce(r.octets, 0)`,
  )
  for (const [segment = 0, counted, are] of rows.all().map((row) => row.map(Number)))
    onFinding({ segment, text: `counts ${counted} octets that are referred to; there are ${are}` })
  const [given = 0, last = 0] = (
    reader.sql('SELECT (SELECT number FROM segment_given), coalesce(max(number), 0) FROM segment').get() ?? []
  ).map(Number)
  if (given < last) onFinding({ segment: last, text: `the last number given is said to be ${given}` })
}
