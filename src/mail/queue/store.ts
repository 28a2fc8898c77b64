/** The queue's rows: written by intake's transaction, read and settled by the runner. */
import { type MessageLog, releaseContent, retainContent } from '../../io/blobs/mod.ts'
import type { Db, Tx } from '../../io/db/mod.ts'
import type { Completion, Enqueue, Queue, QueuedRecipient, RecipientResult } from './contract.ts'
import {
  type DueJob,
  dueRecipient,
  type Ended,
  FORCED,
  type Facts,
  jobsOf,
  recipientsAfter,
  recipientsDue,
} from './rows.ts'
import type { DueRecipient } from './schedule.ts'

/** How a settled recipient's row changes. */
export interface Settlement {
  readonly recipient: number
  readonly result: RecipientResult
  /** When it is tried again; `report`: ended, and a report is to be made; `done`: the row goes. */
  readonly next: { readonly retryAtMs: number } | 'report' | 'done'
  readonly expired: boolean
}

/** A place in the order of times and ids. */
export interface Cursor {
  readonly atMs: number
  readonly id: number
}

export interface Candidate {
  readonly due: DueRecipient
  readonly nextMs: number
  readonly hold: boolean
}

/** Rows that one transaction brings forward. */
const FORWARD_LIMIT = 500

export class QueueStore implements Queue {
  readonly #db: Db
  readonly #log: MessageLog

  constructor(db: Db, log: MessageLog) {
    this.#db = db
    this.#log = log
  }

  enqueue(tx: Tx, message: Enqueue): void {
    const { ret, envid, body, smtpUtf8, verp, saslUsername, client, trace, at } = message
    const facts: Facts = { ret, envid, body, smtpUtf8, verp, saslUsername, client, trace }
    const { lastInsertRowid } = tx
      .sql(
        `INSERT INTO queue_message (queue_id, segment, offset, length, sender, arrival_ms, size, hold, prefix, facts, warned) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        message.queueId,
        at.segment,
        at.offset,
        at.length,
        message.sender,
        message.arrivalMs,
        message.sizeOctets,
        message.hold ? 1 : 0,
        message.prefix,
        JSON.stringify(facts),
        message.warned === true ? 1 : 0,
      )
    insertRecipients(tx, lastInsertRowid, message.recipients, message.arrivalMs)
    retainContent(tx, at)
  }

  complete(tx: Tx, { reported, dropped, sentOn }: Completion): void {
    if (dropped !== undefined) tx.sql('INSERT OR IGNORE INTO queue_dropped (name) VALUES (?)').run(dropped)
    if (sentOn !== undefined)
      tx.sql(
        `UPDATE queue_recipient SET dsn = json_set(dsn, '$.sentOn', ?)
         WHERE n = ? AND message = (SELECT id FROM queue_message WHERE queue_id = ?)`,
      ).run(sentOn.as, sentOn.recipient, sentOn.queueId)
    if (reported === undefined) return
    const [id] = tx.sql('SELECT id FROM queue_message WHERE queue_id = ?').get(reported.queueId) ?? []
    if (id === undefined || id === null) return
    tx.sql('DELETE FROM queue_recipient WHERE message = ? AND n IN (SELECT value FROM json_each(?))').run(
      id,
      JSON.stringify(reported.recipients),
    )
    if (reported.warned === true) tx.sql('UPDATE queue_message SET warned = 1 WHERE id = ?').run(id)
    removeIfDone(tx, Number(id))
  }

  /** The same outside of a message: nobody is told. */
  completeNow(completion: Completion): Promise<void> {
    return this.#db.write((tx) => this.complete(tx, completion))
  }

  /** Recipients that came after the one of this id, due or not. */
  newer(id: number, limit: number): Candidate[] {
    return recipientsAfter(this.#db.read, id, limit)
  }

  due(after: Cursor, toMs: number, limit: number): Candidate[] {
    return recipientsDue(this.#db.read, after, toMs, limit)
  }

  /**
   * No wait is as long as this: the clock was set back since it was given, and whoever waits would do so for as long again.
   * Departs from Postfix, whose queue stands still until the clock has come so far once more.
   */
  async bringForward(nowMs: number, latestMs: number): Promise<void> {
    const late = this.#db.read.sql(
      'SELECT id FROM queue_recipient WHERE outcome IS NULL AND next_attempt_ms > ? LIMIT ?',
    )
    for (let ids; (ids = late.all(latestMs, FORWARD_LIMIT).map(([id]) => Number(id))).length > 0;) {
      const some = JSON.stringify(ids)
      await this.#db.write((tx) =>
        tx
          .sql(
            `UPDATE queue_recipient SET next_attempt_ms = ?
             WHERE outcome IS NULL AND next_attempt_ms > ? AND id IN (SELECT value FROM json_each(?))`,
          )
          .run(nowMs, latestMs, some),
      )
    }
  }

  /** Recipients that were asked for by name, each once. */
  async takeFlushed(limit: number): Promise<Candidate[]> {
    const flushed = (): Candidate[] => recipientsDue(this.#db.read, { atMs: -1, id: 0 }, 0, limit)
    if (flushed().length === 0) return []
    return this.#db.write((tx) => {
      const rows = recipientsDue(tx, { atMs: -1, id: 0 }, 0, limit)
      const update = tx.sql('UPDATE queue_recipient SET next_attempt_ms = ? WHERE id = ?')
      for (const { due } of rows) update.run(FORCED, due.id)
      return rows
    })
  }

  /** Deliveries of recipients that are still to be delivered, one a sender; none where they are gone. */
  jobs(message: number, ids: readonly number[]): DueJob[] {
    return jobsOf(this.#db.read, this.#log, message, { ids }).map(({ job }) => job)
  }

  /** Recipients of a message that wait for their report, by the sender who gets it; `plain`: not by VERP's. */
  ended(message: number, limit: number, plain = false): Ended[][] {
    return jobsOf(this.#db.read, this.#log, message, { ended: true, limit }, plain).map(({ results }) => results)
  }

  /** Recipients that still wait to be delivered, by sender, with why. */
  deferred(message: number, limit: number, plain = false): Ended[][] {
    return jobsOf(this.#db.read, this.#log, message, { ended: false, limit }, plain).map(({ results }) => results)
  }

  /**
   * Recipients go another way than their rows say: each row gets the first of its new routes, further ones get rows of their
   * own. Answers all of them, for the schedule.
   */
  reroute(
    message: number,
    moved: ReadonlyMap<number, readonly QueuedRecipient[]>,
    nowMs: number,
  ): Promise<DueRecipient[]> {
    return this.#db.write((tx) => {
      const update = tx.sql(
        'UPDATE queue_recipient SET address = ?, original = ?, transport = ?, nexthop = ?, sender = ?, dsn = ? WHERE id = ?',
      )
      const one = (what: string): number =>
        Number(tx.sql(`SELECT coalesce(max(${what}), -1) FROM queue_recipient WHERE message = ?`).get(message)?.[0])
      const last = one('id')
      for (const [id, [first, ...more]] of moved) {
        if (first !== undefined) {
          const { address, original, transport, nexthop, sender } = first
          update.run(address, original, transport, nexthop, sender ?? null, factsOf(first), id)
        }
        insertRecipients(tx, message, more, nowMs, one('n') + 1)
      }
      return tx
        .sql(
          `SELECT id, message, transport, nexthop, sender, address FROM queue_recipient
           WHERE message = ? AND outcome IS NULL AND (id > ? OR id IN (SELECT value FROM json_each(?)))`,
        )
        .all(message, last, JSON.stringify([...moved.keys()]))
        .map(dueRecipient)
    })
  }

  /** Messages with a report to be made: a stop came in between. */
  messagesToReport(): number[] {
    return this.#db.read
      .sql('SELECT DISTINCT message FROM queue_recipient WHERE outcome IS NOT NULL')
      .all()
      .map(([id]) => Number(id))
  }

  exists(message: number): boolean {
    return this.#db.read.sql('SELECT 1 FROM queue_message WHERE id = ?').get(message) !== undefined
  }

  /** Writes what became of recipients; answers whether the message is done with. */
  async settle(message: number, settlements: readonly Settlement[]): Promise<boolean> {
    return this.#db.write((tx) => {
      for (const settlement of settlements) settleOne(tx, settlement)
      return removeIfDone(tx, message)
    })
  }

  /**
   * Does `work` and settles the recipient in one transaction: a delivery into a mailbox of ours is made once, whatever stops
   * the server. Where it answers undefined nothing was delivered. `settle` comes after it as after any other.
   */
  deliverOnce<T>(recipient: number, work: (tx: Tx) => T): Promise<T> {
    return this.#db.write((tx) => {
      const done = work(tx)
      if (done !== undefined) {
        tx.sql(
          `UPDATE queue_recipient SET outcome = 'sent', status = '2.0.0', reason = 'delivered to mailbox' WHERE id = ?`,
        ).run(recipient)
      }
      return done
    })
  }
}

export function insertRecipients(
  tx: Tx,
  message: number,
  recipients: readonly QueuedRecipient[],
  dueMs: number,
  firstN = 0,
): void {
  const insert = tx.sql(
    'INSERT INTO queue_recipient (message, n, address, original, dsn, transport, nexthop, sender, next_attempt_ms, attempts, status, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
  )
  for (const [i, r] of recipients.entries()) {
    const { nextAttemptMs = dueMs, status = '', reason = '' } = r.deferred ?? {}
    const route = [r.transport, r.nexthop, r.sender ?? null] as const
    const attempts = r.deferred === undefined ? 0 : 1
    insert.run(
      message,
      firstN + i,
      r.address,
      r.original,
      factsOf(r),
      ...route,
      nextAttemptMs,
      attempts,
      status,
      reason,
    )
  }
}

function factsOf({ notify, orcpt, forwarded, delivered, task, routedBy, told }: QueuedRecipient): string {
  return JSON.stringify({ notify, orcpt, forwarded, delivered, task, routedBy, told })
}

function settleOne(tx: Tx, { recipient, result, next, expired }: Settlement): void {
  if (next === 'done') {
    tx.sql('DELETE FROM queue_recipient WHERE id = ?').run(recipient)
    return
  }
  const { dsn, text } = result
  const remoteMta = 'remoteMta' in result ? (result.remoteMta ?? null) : null
  const remoteReply = 'remoteReply' in result ? (result.remoteReply ?? null) : null
  if (next === 'report') {
    tx.sql(
      'UPDATE queue_recipient SET outcome = ?, status = ?, reason = ?, remote_mta = ?, remote_reply = ? WHERE id = ?',
    ).run(expired ? 'expired' : outcomeOf(result), dsn, text, remoteMta, remoteReply, recipient)
    return
  }
  tx.sql(
    'UPDATE queue_recipient SET attempts = attempts + 1, next_attempt_ms = ?, status = ?, reason = ?, remote_mta = ?, remote_reply = ? WHERE id = ?',
  ).run(next.retryAtMs, dsn, text, remoteMta, remoteReply, recipient)
}

/** `delivered`: sent, and it has arrived; `expanded`: sent on to others. */
function outcomeOf(result: RecipientResult): string {
  if (result.status !== 'sent') return result.status
  return result.expanded === true ? 'expanded' : result.final === true ? 'delivered' : 'sent'
}

/** A message without recipients left goes, and lets go of its content. */
export function removeIfDone(tx: Tx, message: number): boolean {
  if (tx.sql('SELECT 1 FROM queue_recipient WHERE message = ? LIMIT 1').get(message) !== undefined) return false
  const row = tx.sql('SELECT segment, offset, length FROM queue_message WHERE id = ?').get(message)
  if (row === undefined) return false
  tx.sql('DELETE FROM queue_message WHERE id = ?').run(message)
  releaseContent(tx, { segment: Number(row[0]), offset: Number(row[1]), length: Number(row[2]) })
  return true
}
