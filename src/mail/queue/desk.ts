/** The postmaster's view of the queue, and what may be done with it: postqueue(1), postsuper(1), ETRN. */
import type { MessageLog } from '../../io/blobs/mod.ts'
import type { Db, SqlValue, Tx } from '../../io/db/mod.ts'
import type { QueuedRecipient } from './contract.ts'
import { type DueJob, jobsOf } from './rows.ts'
import { insertRecipients, removeIfDone } from './store.ts'

export interface QueueCounts {
  readonly messages: number
  readonly recipients: number
  readonly deferred: number
  readonly held: number
}

export type QueueName = 'hold' | 'incoming' | 'active' | 'deferred'

export interface QueuedMessage {
  readonly queue: QueueName
  readonly queueId: string
  readonly sender: string
  readonly arrivalMs: number
  readonly sizeOctets: number
  readonly forcedExpire: boolean
  readonly recipients: readonly {
    readonly address: string
    readonly attempts: number
    readonly nextAttemptMs: number
    readonly reason: string
  }[]
}

/** Where a listing goes on; a message with very many recipients may come in pieces. */
export interface ListPlace {
  readonly message: number
  readonly recipient: number
}

/** What becomes of a message: postsuper -d -h -H -e. */
export type Operation = 'delete' | 'hold' | 'release' | 'expire'

export interface Selection {
  readonly queueIds: readonly string[] | 'ALL'
  readonly queues: readonly QueueName[]
}

/** Rows of one page of a listing. */
const PAGE = 5000
/** Messages changed in one transaction. */
const SLICE = 200

export class QueueDesk {
  readonly #db: Db
  readonly #log: MessageLog
  /** Postfix's active queue: on its way, or waiting for its turn. */
  readonly #isActive: (message: number) => boolean

  constructor(db: Db, log: MessageLog, isActive: (message: number) => boolean = () => false) {
    this.#db = db
    this.#log = log
    this.#isActive = isActive
  }

  counts(): QueueCounts {
    const one = (sql: string): number => Number(this.#db.read.sql(sql).get()?.[0] ?? 0)
    return {
      messages: one('SELECT count(*) FROM queue_message'),
      recipients: one('SELECT count(*) FROM queue_recipient WHERE outcome IS NULL'),
      deferred: one('SELECT count(*) FROM queue_recipient WHERE outcome IS NULL AND attempts > 0'),
      held: one('SELECT count(*) FROM queue_message WHERE hold = 1'),
    }
  }

  /** One page of the listing, and where the next begins. A message that goes on there comes again with its other recipients. */
  page(from: ListPlace = { message: 0, recipient: 0 }): { messages: QueuedMessage[]; next: ListPlace | undefined } {
    const rows = this.#db.read
      .sql(
        `SELECT m.id, m.queue_id, m.sender, m.arrival_ms, m.size, m.hold, m.expire, r.id, r.address, r.attempts, r.next_attempt_ms, r.reason
         FROM queue_message m JOIN queue_recipient r ON r.message = m.id AND r.outcome IS NULL
         WHERE m.id >= ? AND (m.id, r.id) > (?, ?) ORDER BY m.id, r.id LIMIT ?`,
      )
      .all(from.message, from.message, from.recipient, PAGE)
    const groups = Map.groupBy(rows, (row) => Number(row[0]))
    const last = rows.at(-1)
    return {
      messages: [...groups.values()].map((group) => this.#message(group)),
      next:
        last === undefined || rows.length < PAGE ? undefined : { message: Number(last[0]), recipient: Number(last[7]) },
    }
  }

  #message(rows: readonly SqlValue[][]): QueuedMessage {
    const [id, queueId, sender, arrivalMs, size, hold, expire] = rows[0] ?? []
    const deferred = rows.some((row) => Number(row[9]) > 0)
    return {
      queue: this.#queueOf(Number(id), hold === 1, deferred),
      queueId: String(queueId),
      sender: String(sender),
      arrivalMs: Number(arrivalMs),
      sizeOctets: Number(size),
      forcedExpire: expire === 1,
      recipients: rows.map((row) => ({
        address: String(row[8]),
        attempts: Number(row[9]),
        nextAttemptMs: Number(row[10]),
        reason: String(row[11]),
      })),
    }
  }

  #queueOf(message: number, hold: boolean, deferred: boolean): QueueName {
    return hold ? 'hold' : this.#isActive(message) ? 'active' : deferred ? 'deferred' : 'incoming'
  }

  /** A message with some of its recipients, and its content; undefined where there is none of that queue id. */
  message(queueId: string): { readonly queue: QueueName; readonly jobs: readonly DueJob[] } | undefined {
    const row = this.#db.read.sql('SELECT id, hold FROM queue_message WHERE queue_id = ?').get(queueId)
    if (row === undefined) return undefined
    const jobs = jobsOf(this.#db.read, this.#log, Number(row[0]), { ended: false, limit: PAGE }).map(({ job }) => job)
    const deferred = jobs.some(({ recipients }) => recipients.some(({ reason }) => reason !== ''))
    return { queue: this.#queueOf(Number(row[0]), row[1] === 1, deferred), jobs }
  }

  /** Messages that a selection names, as they stand now. */
  select({ queueIds, queues }: Selection): { readonly message: number; readonly queueId: string }[] {
    const columns = `m.id, m.queue_id, m.hold, EXISTS (SELECT 1 FROM queue_recipient r WHERE r.message = m.id AND r.attempts > 0)`
    const rows =
      queueIds === 'ALL'
        ? this.#db.read.sql(`SELECT ${columns} FROM queue_message m`).all()
        : queueIds.flatMap((id) =>
            this.#db.read.sql(`SELECT ${columns} FROM queue_message m WHERE m.queue_id = ?`).all(id),
          )
    return rows
      .filter(([id, , hold, deferred]) => queues.includes(this.#queueOf(Number(id), hold === 1, deferred === 1)))
      .map(([id, queueId]) => ({ message: Number(id), queueId: String(queueId) }))
  }

  /** Does it to every message of the selection; answers the queue ids of those that changed. */
  async operate(operation: Operation, selection: Selection): Promise<string[]> {
    const chosen = this.select(selection)
    const changed: string[] = []
    for (let at = 0; at < chosen.length; at += SLICE) {
      const slice = chosen.slice(at, at + SLICE)
      changed.push(
        ...(await this.#db.write((tx) =>
          slice.filter(({ message }) => operateOn(tx, operation, message)).map(({ queueId }) => queueId),
        )),
      )
    }
    return changed
  }

  /** Mail of the selection is due now: `postqueue -f`, `-i`, `-s`, ETRN. */
  async flush(what: { readonly queueId: string } | { readonly domain: string } | 'all'): Promise<number> {
    const [where, ...values] = flushCondition(what)
    let count = 0
    for (let changes = SLICE; changes === SLICE; count += changes) {
      changes = await this.#db.write(
        (tx) =>
          tx
            .sql(
              `UPDATE queue_recipient SET next_attempt_ms = 0 WHERE id IN
               (SELECT id FROM queue_recipient WHERE outcome IS NULL AND next_attempt_ms > 1 AND ${where} LIMIT ${SLICE})`,
            )
            .run(...values).changes,
      )
    }
    return count
  }

  /** Puts other recipients in the place of those that wait (postsuper -r), due now; false where one is being delivered. */
  requeue(queueId: string, old: readonly number[], fresh: readonly QueuedRecipient[], nowMs: number): Promise<boolean> {
    return this.#db.write((tx) => {
      const id = Number(tx.sql('SELECT id FROM queue_message WHERE queue_id = ?').get(queueId)?.[0] ?? -1)
      if (id < 0 || this.#isActive(id)) return false
      const remove = tx.sql('DELETE FROM queue_recipient WHERE id = ? AND message = ?')
      for (const recipient of old) remove.run(recipient, id)
      const n = Number(
        tx.sql('SELECT coalesce(max(n), -1) + 1 FROM queue_recipient WHERE message = ?').get(id)?.[0] ?? 0,
      )
      insertRecipients(tx, id, fresh, nowMs, n + old.length)
      tx.sql('UPDATE queue_message SET hold = 0, expire = 0, warned = 0 WHERE id = ?').run(id)
      return true
    })
  }
}

function flushCondition(
  what: { readonly queueId: string } | { readonly domain: string } | 'all',
): readonly [string, ...string[]] {
  if (what === 'all') return ['1']
  if ('queueId' in what) return ['message = (SELECT id FROM queue_message WHERE queue_id = ?)', what.queueId]
  return [`(nexthop = ? OR address LIKE ? ESCAPE '\\')`, what.domain, `%@${what.domain.replace(/[%_\\]/g, '\\$&')}`]
}

function operateOn(tx: Tx, operation: Operation, message: number): boolean {
  const set = (sql: string): boolean => tx.sql(sql).run(message).changes > 0
  const due = (): void =>
    void tx.sql('UPDATE queue_recipient SET next_attempt_ms = ? WHERE message = ? AND outcome IS NULL').run(0, message)
  switch (operation) {
    case 'delete':
      tx.sql('DELETE FROM queue_recipient WHERE message = ?').run(message)
      return removeIfDone(tx, message)
    case 'hold':
      return set('UPDATE queue_message SET hold = 1 WHERE id = ? AND hold = 0')
    case 'release':
      if (!set('UPDATE queue_message SET hold = 0 WHERE id = ? AND hold = 1')) return false
      due()
      return true
    case 'expire':
      return set('UPDATE queue_message SET expire = 1 WHERE id = ? AND expire = 0')
    default:
      return operation satisfies never
  }
}
