/**
 * What lies in the message log, as a table of the database that is put together: each message's content, where it is, and whose it may be.
 */
import { originOf, type Position, recordAt, type ScannedRecord, scanSegment, segmentFiles } from '../../io/blobs/mod.ts'
import type { SqliteDb, Tx } from '../../io/db/mod.ts'
import { decodePlan, type Plan } from '../../mail/intake/mod.ts'
import { appendedIn, type MessageFacts, type RecordedMessage } from '../../mail/store/mod.ts'

/** A record's meaning: what it brought about when it was written. */
export type Meaning =
  | { readonly kind: 'mail'; readonly id: Buffer; readonly plan: Plan; readonly at: Position }
  | { readonly kind: 'append'; readonly messages: readonly (RecordedMessage & { readonly at: Position })[] }

/** undefined: content that was moved before records said whose it is, or facts that say nothing. */
export function meaningOf(record: Pick<ScannedRecord, 'kind' | 'id' | 'facts' | 'at'>): Meaning | undefined {
  const { at } = record
  try {
    const origin = originOf(record)
    if (origin === undefined) return undefined
    const { id, from, facts } = origin
    if (origin.kind === 'mail') return { kind: 'mail', id, plan: decodePlan(facts), at }
    // A slice that was moved begins somewhere in what came; what does not lie in this record lies elsewhere.
    const messages = appendedIn(id, facts, from + at.length)
      .filter((message) => message.from >= from && message.from + message.length <= from + at.length)
      .map((message) => ({
        ...message,
        at: { segment: at.segment, offset: at.offset + message.from - from, length: message.length },
      }))
    return { kind: 'append', messages }
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined
    throw error
  }
}

export interface LogSurvey {
  /** Names of accounts by number, as mail for them was addressed. */
  readonly names: ReadonlyMap<number, string>
  readonly records: number
  readonly damagedOctets: number
}

const TABLES = [
  'CREATE TABLE mend_record (id BLOB, segment INTEGER NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL)',
  'CREATE INDEX mend_record_id ON mend_record (id)',
  'CREATE INDEX mend_record_place ON mend_record (segment, offset)',
  'CREATE TABLE mend_ended (queue_id TEXT NOT NULL, n INTEGER NOT NULL)',
]
export const DROP_TABLES = ['DROP TABLE mend_record', 'DROP TABLE mend_ended', 'DROP TABLE IF EXISTS mend_former']

/** Records of one transaction. */
const BATCH = 500

export async function surveyLog(
  db: SqliteDb,
  dir: string,
  tell: { readonly onNote: (text: string) => void; readonly onProgress: (octets: number) => void },
): Promise<LogSurvey> {
  await db.write((tx) => {
    for (const sql of TABLES) tx.sql(sql).run()
  })
  const names = new Map<number, string>()
  let [records, damagedOctets, octets] = [0, 0, 0]
  for (const segment of segmentFiles(dir)) {
    let batch: ((tx: Tx) => void)[] = []
    const flush = async (): Promise<void> => {
      const some = batch
      batch = []
      await db.write((tx) => {
        for (const work of some) work(tx)
      })
    }
    for (const scanned of scanSegment(dir, segment)) {
      if ('damaged' in scanned) {
        const { offset, octets: lost } = scanned.damaged
        damagedOctets += lost
        tell.onNote(`segment ${segment}, offset ${offset}: ${lost} octets are not what was written`)
        continue
      }
      records++
      octets += scanned.record.at.length
      const work = noted(scanned.record, names)
      batch.push(work)
      if (batch.length >= BATCH) await flush()
      tell.onProgress(octets)
    }
    await flush()
  }
  return { names, records, damagedOctets }
}

function noted(record: ScannedRecord, names: Map<number, string>): (tx: Tx) => void {
  const meaning = meaningOf(record)
  if (meaning?.kind === 'mail')
    for (const { account, recipient } of meaning.plan.deposits) if (!names.has(account)) names.set(account, recipient)
  const { at } = record
  const places =
    meaning?.kind === 'append'
      ? meaning.messages.map((message) => ({ id: message.recordId, at: message.at }))
      : [{ id: meaning?.id ?? null, at }]
  const ended = meaning?.kind === 'mail' ? meaning.plan.completes?.reported : undefined
  return (tx) => {
    const insert = tx.sql('INSERT INTO mend_record VALUES (?, ?, ?, ?)')
    for (const place of places) insert.run(place.id, place.at.segment, place.at.offset, place.at.length)
    if (ended?.warned === true) return
    for (const n of ended?.recipients ?? []) tx.sql('INSERT INTO mend_ended VALUES (?, ?)').run(ended?.queueId ?? '', n)
  }
}

/** What a message's row can be made of again, from the record that stands at its place. */
export function rereadFrom(
  dir: string,
  analyse: (read: (from: number, to: number) => Buffer, length: number) => MessageFacts,
): (at: Position, account: number) => { recordId: Buffer; prefix: Buffer; facts: MessageFacts } | undefined {
  return (at, account) =>
    recordAt(dir, at, (record) => {
      const meaning = meaningOf(record)
      const facts = analyse((from, to) => record.read(from, to), record.at.length)
      if (meaning?.kind === 'mail') {
        const deposit = meaning.plan.deposits.find((one) => one.account === account)
        return deposit && { recordId: meaning.id, prefix: Buffer.from(deposit.prefix), facts }
      }
      const [only, ...more] = meaning?.messages ?? []
      if (only === undefined || more.length > 0 || only.account !== account) return undefined
      return { recordId: only.recordId, prefix: Buffer.alloc(0), facts }
    })
}
