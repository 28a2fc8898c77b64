/** The queue's rows: written by intake's transaction, read and settled by the runner. */
import { type MessageLog, type Position, releaseContent, retainContent } from '../../io/blobs/mod.ts'
import type { Db, SqlValue, Tx } from '../../io/db/mod.ts'
import type { DeliveryJob, Enqueue, Queue, QueuedRecipient, RecipientResult } from './contract.ts'

type Facts = Pick<Enqueue, 'ret' | 'envid' | 'body' | 'smtpUtf8' | 'verp' | 'saslUsername' | 'client'>

type RecipientFacts = Pick<QueuedRecipient, 'notify' | 'orcpt' | 'delivered' | 'task'>

/** A delivery that is due: some recipients of one message at one nexthop, and how often each was tried. */
export interface DueJob extends DeliveryJob {
  readonly messageId: number
  readonly attempts: ReadonlyMap<number, number>
}

export interface QueueCounts {
  readonly messages: number
  readonly recipients: number
  readonly deferred: number
  readonly held: number
}

export interface QueuedMessage {
  readonly queueId: string
  readonly sender: string
  readonly arrivalMs: number
  readonly sizeOctets: number
  readonly hold: boolean
  readonly recipients: readonly {
    readonly address: string
    readonly attempts: number
    readonly nextAttemptMs: number
    readonly reason: string
  }[]
}

/** How a settled recipient's row changes. */
export interface Settlement {
  readonly recipient: number
  /** undefined: done with, the row goes. */
  readonly retryAtMs: number | undefined
  readonly result: RecipientResult
}

export class QueueStore implements Queue {
  readonly #db: Db
  readonly #log: MessageLog

  constructor(db: Db, log: MessageLog) {
    this.#db = db
    this.#log = log
  }

  enqueue(tx: Tx, message: Enqueue): void {
    const { ret, envid, body, smtpUtf8, verp, saslUsername, client, at } = message
    const facts: Facts = { ret, envid, body, smtpUtf8, verp, saslUsername, client }
    const { lastInsertRowid } = tx
      .sql(
        `INSERT INTO queue_message (queue_id, segment, offset, length, sender, arrival_ms, size, hold, prefix, facts) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
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
      )
    const insert = tx.sql(
      'INSERT INTO queue_recipient (message, address, original, dsn, transport, nexthop, sender, next_attempt_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
    )
    for (const r of message.recipients) {
      insert.run(
        lastInsertRowid,
        r.address,
        r.original,
        JSON.stringify({ notify: r.notify, orcpt: r.orcpt, delivered: r.delivered, task: r.task }),
        r.transport,
        r.nexthop,
        r.sender ?? null,
        message.arrivalMs,
      )
    }
    retainContent(tx, at)
  }

  /** Deliveries that are due, the longest waiting first; recipients of one message and nexthop go together. */
  due(nowMs: number, limit: number, busy: ReadonlySet<number>): DueJob[] {
    const rows = this.#db.read
      .sql(
        `SELECT r.id, r.address, r.original, r.dsn, r.transport, r.nexthop, r.attempts, m.id, m.queue_id, m.segment, m.offset, m.length,
                coalesce(r.sender, m.sender), m.arrival_ms, m.size, m.prefix, m.facts
         FROM queue_recipient r JOIN queue_message m ON m.id = r.message
         WHERE r.next_attempt_ms <= ? AND m.hold = 0 ORDER BY r.next_attempt_ms, r.id LIMIT ?`,
      )
      .all(nowMs, limit + busy.size)
    const jobs = new Map<string, SqlValue[][]>()
    for (const row of rows) {
      if (busy.has(Number(row[0]))) continue
      const key = [row[7], row[4], row[5], row[12]].map(String).join(' ')
      const job = jobs.get(key)
      if (job === undefined) jobs.set(key, [row])
      else job.push(row)
    }
    return [...jobs.values()].map((group) => this.#job(group))
  }

  #job(rows: readonly SqlValue[][]): DueJob {
    const first = rows[0]!
    const [
      ,
      ,
      ,
      ,
      transport,
      nexthop,
      ,
      messageId,
      queueId,
      segment,
      offset,
      length,
      sender,
      arrivalMs,
      size,
      prefixValue,
      factsText,
    ] = first
    const prefix = prefixValue instanceof Uint8Array ? Buffer.from(prefixValue) : Buffer.alloc(0)
    const at: Position = { segment: Number(segment), offset: Number(offset), length: Number(length) }
    const facts = JSON.parse(String(factsText)) as Facts // written by enqueue
    return {
      ...facts,
      at,
      messageId: Number(messageId),
      queueId: String(queueId),
      transport: String(transport),
      nexthop: String(nexthop),
      sender: String(sender),
      arrivalMs: Number(arrivalMs),
      sizeOctets: Number(size) + prefix.length,
      attempts: new Map(rows.map((row) => [Number(row[0]), Number(row[6])])),
      recipients: rows.map((row) => ({
        id: Number(row[0]),
        address: String(row[1]),
        original: String(row[2]),
        transport: String(transport),
        nexthop: String(nexthop),
        ...(JSON.parse(String(row[3])) as RecipientFacts), // written by enqueue
      })),
      read: (from, to) => {
        if (from < prefix.length) return prefix.subarray(from, Math.min(to, prefix.length))
        return this.#log.read(at, from - prefix.length, to - prefix.length)
      },
    }
  }

  /** Writes what became of recipients; answers the queue ids of messages that are done with. */
  async settle(messageId: number, settlements: readonly Settlement[]): Promise<boolean> {
    return this.#db.write((tx) => {
      for (const { recipient, retryAtMs, result } of settlements) {
        if (retryAtMs === undefined) tx.sql('DELETE FROM queue_recipient WHERE id = ?').run(recipient)
        else {
          tx.sql(
            'UPDATE queue_recipient SET attempts = attempts + 1, next_attempt_ms = ?, status = ?, reason = ? WHERE id = ?',
          ).run(retryAtMs, result.dsn, result.text, recipient)
        }
      }
      return removeIfDone(tx, messageId)
    })
  }

  /**
   * Does `work` and takes the recipient out of the queue in one transaction: a delivery into a mailbox of ours is made once,
   * whatever stops the server. `settle` comes after it as after any other.
   */
  deliverOnce<T>(recipient: number, work: (tx: Tx) => T): Promise<T> {
    return this.#db.write((tx) => {
      tx.sql('DELETE FROM queue_recipient WHERE id = ?').run(recipient)
      return work(tx)
    })
  }

  nextDueMs(): number | undefined {
    const [at] = this.#db.read
      .sql(
        'SELECT min(r.next_attempt_ms) FROM queue_recipient r JOIN queue_message m ON m.id = r.message WHERE m.hold = 0',
      )
      .get() ?? [null]
    return at === null || at === undefined ? undefined : Number(at)
  }

  /** ETRN and `postqueue -s`: what waits for a domain is due now. */
  async makeDue(domain: string | undefined, nowMs: number): Promise<number> {
    return this.#db.write((tx) => {
      const [where, ...values] =
        domain === undefined ? ['1'] : ['nexthop = ? OR address LIKE ?', domain, `%@${domain.replace(/[%_]/g, '')}`]
      return tx.sql(`UPDATE queue_recipient SET next_attempt_ms = ? WHERE ${where}`).run(nowMs, ...values).changes
    })
  }

  counts(): QueueCounts {
    const one = (sql: string): number => Number(this.#db.read.sql(sql).get()?.[0] ?? 0)
    return {
      messages: one('SELECT count(*) FROM queue_message'),
      recipients: one('SELECT count(*) FROM queue_recipient'),
      deferred: one('SELECT count(*) FROM queue_recipient WHERE attempts > 0'),
      held: one('SELECT count(*) FROM queue_message WHERE hold = 1'),
    }
  }

  list(limit: number): QueuedMessage[] {
    const messages = this.#db.read
      .sql('SELECT id, queue_id, sender, arrival_ms, size, hold FROM queue_message ORDER BY id LIMIT ?')
      .all(limit)
    return messages.map(([id, queueId, sender, arrivalMs, size, hold]) => ({
      queueId: String(queueId),
      sender: String(sender),
      arrivalMs: Number(arrivalMs),
      sizeOctets: Number(size),
      hold: hold === 1,
      recipients: this.#db.read
        .sql('SELECT address, attempts, next_attempt_ms, reason FROM queue_recipient WHERE message = ? ORDER BY id')
        .all(id ?? 0)
        .map(([address, attempts, next, reason]) => ({
          address: String(address),
          attempts: Number(attempts),
          nextAttemptMs: Number(next),
          reason: String(reason),
        })),
    }))
  }
}

/** A message without recipients left goes, and lets go of its content. */
function removeIfDone(tx: Tx, messageId: number): boolean {
  if (tx.sql('SELECT 1 FROM queue_recipient WHERE message = ? LIMIT 1').get(messageId) !== undefined) return false
  const row = tx.sql('SELECT segment, offset, length FROM queue_message WHERE id = ?').get(messageId)
  if (row === undefined) return false
  tx.sql('DELETE FROM queue_message WHERE id = ?').run(messageId)
  releaseContent(tx, { segment: Number(row[0]), offset: Number(row[1]), length: Number(row[2]) })
  return true
}
