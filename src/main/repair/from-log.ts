/**
 * Mail whose rows are gone, from its records in the log: into the mailbox `Recovered` of whose it is, never into INBOX, so that nobody
 * takes it for new; and into the queue on hold, for nobody knows whether it went out.
 */
import { printAddress, printPath } from '../../formats/address/mod.ts'
import { type ScannedRecord, scanSegment, segmentFiles } from '../../io/blobs/mod.ts'
import type { Reader, SqliteDb, Tx } from '../../io/db/mod.ts'
import { applyPlan, type Plan } from '../../mail/intake/mod.ts'
import type { QueueStore } from '../../mail/queue/mod.ts'
import type { MessageFacts, Store } from '../../mail/store/mod.ts'
import { analyse } from '../server/recovery.ts'
import { meaningOf } from './log-records.ts'

export const RECOVERED = 'Recovered'

export interface FromLogOptions {
  readonly db: SqliteDb
  readonly dir: string
  readonly store: Store
  readonly queue: QueueStore
  /** As of the snapshot; undefined: there is none. */
  readonly snapshot: Reader | undefined
  /** Whose an address is; undefined: nobody's here. */
  readonly accountOf: (address: string) => number | undefined
  /** The mailboxes are as the snapshot has them. */
  readonly isFromSnapshot: boolean
  /** The rows of segments are all there. */
  readonly hasSegments: boolean
  /** Messages are missing. */
  readonly mail: boolean
  /** What mailboxes hold is missing too, so that what was deleted since the snapshot cannot be told from what was lost. */
  readonly mailboxes: boolean
  /** Mail that waits to be sent is missing. */
  readonly queued: boolean
  readonly onProgress: (octets: number) => void
}

export interface FromLogReport {
  recovered: number
  /** Recipients that wait on hold. */
  held: number
}

export async function recoverFromLog(options: FromLogOptions): Promise<FromLogReport> {
  const report: FromLogReport = { recovered: 0, held: 0 }
  const { db, snapshot } = options
  const before = snapshot && new Watermarks(snapshot, true)
  const now = options.isFromSnapshot && before !== undefined ? before : new Watermarks(db.read, options.hasSegments)
  const known = { now, before }
  await noteFormer(db, options.mailboxes ? snapshot : undefined)
  let octets = 0
  for (const segment of segmentFiles(options.dir))
    for (const scanned of scanSegment(options.dir, segment)) {
      if (!('record' in scanned)) continue
      await new RecordRecovery(options, known, scanned.record, report).run()
      options.onProgress((octets += scanned.record.at.length))
    }
  report.held -= await forgetEnded(db)
  return report
}

/** How far a state of the database had acted on the log. */
class Watermarks {
  readonly #watermarks: ReadonlyMap<number, number>
  readonly #given: number

  /** @param isWhole the rows of segments are all there; else what refers to the log tells how far it has been acted on */
  constructor(reader: Reader, isWhole: boolean) {
    const rows = reader.sql('SELECT number, watermark FROM segment').all()
    if (!isWhole)
      rows.unshift(
        ...reader
          .sql(
            `SELECT segment, max(offset + length) FROM (
               SELECT segment, offset, length FROM message UNION ALL SELECT segment, offset, length FROM queue_message)
             GROUP BY segment`,
          )
          .all(),
      )
    this.#watermarks = new Map(rows.map(([number, watermark]) => [Number(number), Number(watermark)]))
    this.#given = Math.max(
      Number(reader.sql('SELECT max(number) FROM segment_given').get()?.[0] ?? 0),
      ...this.#watermarks.keys(),
    )
  }

  /** What came of the record and is not there was gone by then. */
  had({ at: { segment, offset, length } }: ScannedRecord): boolean {
    const watermark = this.#watermarks.get(segment)
    return watermark === undefined ? segment <= this.#given : offset + length <= watermark
  }
}

interface Known {
  readonly now: Watermarks
  readonly before: Watermarks | undefined
}

/** Messages of the snapshot, by whose they are and by record. */
async function noteFormer(db: SqliteDb, snapshot: Reader | undefined): Promise<void> {
  await db.write((tx) =>
    tx
      .sql('CREATE TABLE mend_former (account INTEGER, record BLOB, PRIMARY KEY (account, record)) WITHOUT ROWID')
      .run(),
  )
  const rows = snapshot?.sql('SELECT id, account, record_id FROM message WHERE id > ? ORDER BY id LIMIT 1000')
  for (let after = 0, some; (some = rows?.all(after) ?? []).length > 0; after = Number(some.at(-1)?.[0])) {
    const these = some
    await db.write((tx) => {
      const insert = tx.sql('INSERT OR IGNORE INTO mend_former VALUES (?, ?)')
      for (const [, account = null, record = null] of these) insert.run(account, record)
    })
  }
}

class RecordRecovery {
  readonly #o: FromLogOptions
  readonly #known: Known
  readonly #record: ScannedRecord
  readonly #report: FromLogReport
  #facts: MessageFacts | undefined

  constructor(options: FromLogOptions, known: Known, record: ScannedRecord, report: FromLogReport) {
    this.#o = options
    this.#known = known
    this.#record = record
    this.#report = report
  }

  async run(): Promise<void> {
    const meaning = meaningOf(this.#record)
    if (meaning === undefined) return
    if (meaning.kind === 'mail') await this.#mail(meaning.id, meaning.plan)
    else
      for (const { account, recordId, at, flags, internalDateMs } of meaning.messages) {
        if (!this.#isLost(account, recordId)) continue
        const { offset } = this.#record.at
        const facts = analyse(
          (from, to) => this.#record.read(at.offset - offset + from, at.offset - offset + Math.min(to, at.length)),
          at.length,
        )
        await this.#o.db.write((tx) =>
          this.#deposit(tx, { account, recordId, at, facts, flags, internalDateMs, prefix: Buffer.alloc(0) }),
        )
      }
  }

  async #mail(id: Buffer, plan: Plan): Promise<void> {
    const isQueued = this.#isLostFromQueue(plan)
    const deposits = [
      ...plan.deposits.filter(({ account }) => this.#isLost(account, id)),
      ...(isQueued || this.#isQueued(plan.queueId) ? [] : this.#deliveredByQueue(id, plan)),
    ]
    const { completes: _, forwarded: sentOn = [], ...rest } = plan
    const forwarded = sentOn.filter(({ queueId, recipients }) =>
      this.#isLostFromQueue({ ...plan, queueId, queued: recipients }),
    )
    if (deposits.length === 0 && forwarded.length === 0 && !isQueued) return
    const again: Plan = {
      ...rest,
      deposits,
      hold: true,
      queued: isQueued ? plan.queued : [],
      forwarded,
      final: true,
    }
    const { at } = this.#record
    const record = { id, at, facts: this.#analysed() }
    await this.#o.db.write((tx) => {
      const store = {
        deposit: (inside: Tx, entry: Omit<Lost, 'flags'> & { readonly flags: readonly string[] }) =>
          this.#deposit(inside, entry),
      }
      const { queued } = applyPlan(again, { store, queue: this.#o.queue }, tx, record)
      this.#report.held += queued + forwarded.reduce((n, { recipients }) => n + recipients.length, 0)
    })
  }

  /** One that it was for and that has no row of it. */
  #isLost(account: number, recordId: Buffer): boolean {
    const { db, mail, mailboxes } = this.#o
    const row = db.read.sql('SELECT 1 FROM message WHERE account = ? AND record_id = ? LIMIT 1').get(account, recordId)
    if (row !== undefined || db.read.sql('SELECT 1 FROM account WHERE id = ?').get(account) === undefined) return false
    if (this.#isNew) return true
    if (!mail) return false
    if (!this.#wasBefore) return true
    // It was there when the snapshot was taken: lost since, or deleted.
    return (
      mailboxes &&
      db.read.sql('SELECT 1 FROM mend_former WHERE account = ? AND record = ?').get(account, recordId) !== undefined
    )
  }

  /** Mail for accounts here that an agent delivered, and that no row of theirs points to. */
  #deliveredByQueue(id: Buffer, { queued, sender }: Plan): Plan['deposits'] {
    if (!this.#o.mail) return []
    const { segment, offset } = this.#record.at
    const row = this.#o.db.read.sql('SELECT 1 FROM message WHERE account = ? AND segment = ? AND offset = ?')
    return queued.flatMap(({ address, original }) => {
      const account = this.#o.accountOf(address)
      if (account === undefined || row.get(account, segment, offset) !== undefined || !this.#isLost(account, id))
        return []
      const prefix = `Return-Path: ${printPath(sender)}\r\nDelivered-To: ${printAddress(address)}\r\n`
      return [{ account, recipient: address, original, prefix }]
    })
  }

  #isLostFromQueue({ queueId, queued }: Plan): boolean {
    if (queued.length === 0 || this.#isQueued(queueId)) return false
    return this.#isNew || (this.#o.queued && !this.#wasBefore && this.#record.kind !== 'moved')
  }

  #isQueued(queueId: string): boolean {
    return this.#o.db.read.sql('SELECT 1 FROM queue_message WHERE queue_id = ?').get(queueId) !== undefined
  }

  /** Nothing has come of it yet: the database is older. */
  get #isNew(): boolean {
    return this.#record.kind !== 'moved' && !this.#known.now.had(this.#record)
  }

  /** The snapshot is younger. Content that moved since says nothing of when it came. */
  get #wasBefore(): boolean {
    return this.#record.kind !== 'moved' && this.#known.before?.had(this.#record) === true
  }

  #analysed(): MessageFacts {
    this.#facts ??= analyse((from, to) => this.#record.read(from, to), this.#record.at.length)
    return this.#facts
  }

  #deposit(tx: Tx, lost: Lost): unknown {
    const made = this.#o.store.deposit(tx, { ...lost, mailbox: RECOVERED, create: true })
    if (made !== undefined) this.#report.recovered++
    return made
  }
}

interface Lost {
  readonly account: number
  readonly recordId: Buffer
  readonly at: ScannedRecord['at']
  readonly facts: MessageFacts
  readonly flags: readonly string[]
  readonly internalDateMs: number
  readonly prefix: Buffer
}

/** Recipients whose sender has been told of their end, as the log says. */
function forgetEnded(db: SqliteDb): Promise<number> {
  return db.write((tx) => {
    const { changes } = tx
      .sql(
        `DELETE FROM queue_recipient WHERE EXISTS (
           SELECT 1 FROM mend_ended e JOIN queue_message m ON m.queue_id = e.queue_id
           WHERE m.id = queue_recipient.message AND e.n = queue_recipient.n AND m.hold = 1)`,
      )
      .run()
    tx.sql('DELETE FROM queue_message WHERE id NOT IN (SELECT message FROM queue_recipient)').run()
    return changes
  })
}
