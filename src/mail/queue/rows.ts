/** The queue's rows as values. */
import { type MessageLog, type Position } from '../../io/blobs/mod.ts'
import type { Reader, SqlValue } from '../../io/db/mod.ts'
import type { DeliveryJob, DeliveryRecipient, Enqueue, QueuedRecipient, RecipientResult } from './contract.ts'
import type { DueRecipient } from './schedule.ts'
import { verpSender } from './verp.ts'

export type Facts = Pick<Enqueue, 'ret' | 'envid' | 'body' | 'smtpUtf8' | 'verp' | 'saslUsername' | 'client' | 'trace'>

type RecipientFacts = Pick<
  QueuedRecipient,
  'notify' | 'orcpt' | 'forwarded' | 'delivered' | 'task' | 'routedBy' | 'told'
> &
  Pick<DeliveryRecipient, 'sentOn'>

/** A delivery that is due: some recipients of one message at one nexthop. */
export interface DueJob extends DeliveryJob {
  readonly messageId: number
  /** The message's, whatever list or VERP put in its place for these recipients. */
  readonly messageSender: string
  readonly hold: boolean
  /** Given up at this attempt, by the postmaster's wish (postsuper -e). */
  readonly expire: boolean
  readonly warned: boolean
  readonly recipients: readonly JobRecipient[]
}

export interface JobRecipient extends DeliveryRecipient {
  /** Its place in the message. */
  readonly n: number
  /** Of the last attempt; `''` before the first. */
  readonly status: string
  readonly reason: string
  /** Asked for by name (flush): transports of defer_transports deliver too. */
  readonly forced: boolean
}

/** A recipient whose story has ended; the sender may have to be told (mail/notices). */
export interface Ended {
  readonly job: DueJob
  readonly recipient: JobRecipient
  readonly result: RecipientResult
  /** Given up for its age, after temporary failures. */
  readonly expired: boolean
}

const MESSAGE_COLUMNS = `m.id, m.queue_id, m.segment, m.offset, m.length, m.sender, m.arrival_ms, m.size, m.prefix, m.facts, m.hold, m.expire, m.warned`
const RECIPIENT_COLUMNS = `r.id, r.n, r.address, r.original, r.dsn, r.transport, r.nexthop, r.sender, r.status, r.reason, r.next_attempt_ms`

/** Recipients not ended that came after `id`, whether due or not. */
export function recipientsAfter(
  db: Reader,
  id: number,
  limit: number,
): { due: DueRecipient; nextMs: number; hold: boolean }[] {
  return db
    .sql(
      `SELECT r.id, r.message, r.transport, r.nexthop, r.sender, r.address, r.next_attempt_ms, m.hold
       FROM queue_recipient r JOIN queue_message m ON m.id = r.message
       WHERE r.id > ? AND r.outcome IS NULL ORDER BY r.id LIMIT ?`,
    )
    .all(id, limit)
    .map((row) => ({ due: dueRecipient(row), nextMs: Number(row[6]), hold: row[7] === 1 }))
}

/** Recipients that are due between two times, from a place in that order on. */
export function recipientsDue(
  db: Reader,
  after: { readonly atMs: number; readonly id: number },
  toMs: number,
  limit: number,
): { due: DueRecipient; nextMs: number; hold: boolean }[] {
  return db
    .sql(
      `SELECT r.id, r.message, r.transport, r.nexthop, r.sender, r.address, r.next_attempt_ms, m.hold
       FROM queue_recipient r JOIN queue_message m ON m.id = r.message
       WHERE r.outcome IS NULL AND (r.next_attempt_ms, r.id) > (?, ?) AND r.next_attempt_ms <= ?
       ORDER BY r.next_attempt_ms, r.id LIMIT ?`,
    )
    .all(after.atMs, after.id, toMs, limit)
    .map((row) => ({ due: dueRecipient(row), nextMs: Number(row[6]), hold: row[7] === 1 }))
}

export function dueRecipient(row: readonly SqlValue[]): DueRecipient {
  return {
    id: Number(row[0]),
    message: Number(row[1]),
    transport: String(row[2]),
    nexthop: String(row[3]),
    sender: row[4] === null || row[4] === undefined ? '' : String(row[4]),
    address: String(row[5]),
  }
}

/** Recipients that a job is made of. */
type Which =
  | { readonly ids: readonly number[] }
  /** Those that ended and wait for their report, or those that are deferred. */
  | { readonly ended: boolean; readonly limit: number }

interface Group {
  readonly sender: string
  /** The list whose Delivered-To goes in front. */
  readonly forwarded: string | undefined
  readonly rows: SqlValue[][]
}

/**
 * Some recipients of one message, grouped by the sender they go in the name of and the list that sends them on; none where the
 * message is gone.
 * @param plain the sender without the recipient's name in it (VERP)
 */
export function jobsOf(
  db: Reader,
  log: MessageLog,
  message: number,
  which: Which,
  plain = false,
): { job: DueJob; results: Ended[] }[] {
  const first = db.sql(`SELECT ${MESSAGE_COLUMNS} FROM queue_message m WHERE m.id = ?`).get(message)
  if (first === undefined) return []
  const select = `SELECT ${RECIPIENT_COLUMNS}, r.outcome, r.remote_mta, r.remote_reply FROM queue_recipient r WHERE r.message = ?`
  const rows =
    'ids' in which
      ? db
          .sql(`${select} AND r.outcome IS NULL AND r.id IN (SELECT value FROM json_each(?))`)
          .all(message, JSON.stringify(which.ids))
      : db
          .sql(`${select} AND r.outcome IS ${which.ended ? 'NOT NULL' : 'NULL'} ORDER BY r.n LIMIT ?`)
          .all(message, which.limit)
  const groups = new Map<string, Group>()
  const facts = JSON.parse(String(first[9])) as Facts // written by enqueue
  for (const row of rows) {
    const sender = senderOf(first, row, plain ? { ...facts, verp: undefined } : facts)
    const { forwarded } = factsOf(row)
    const key = `${sender}\0${forwarded ?? ''}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, { sender, forwarded, rows: [row] })
    else group.rows.push(row)
  }
  return [...groups.values()].map((group) => {
    const job = jobOf(log, first, facts, group)
    return { job, results: group.rows.flatMap((row, i) => endedOf(job, job.recipients[i], row)) }
  })
}

function senderOf(message: readonly SqlValue[], row: readonly SqlValue[], { verp }: Facts): string {
  const sender = row[7] === null || row[7] === undefined ? String(message[5]) : String(row[7])
  if (verp === undefined) return sender
  const [address, original] = [String(row[2]), String(row[3])]
  return verpSender(verp, sender, original === '' ? address : original)
}

function jobOf(
  log: MessageLog,
  message: readonly SqlValue[],
  facts: Facts,
  { sender, forwarded, rows }: Group,
): DueJob {
  const [id, queueId, segment, offset, length, messageSender, arrivalMs, size, prefixValue, , hold, expire, warned] =
    message
  const by = Buffer.from(forwarded === undefined ? '' : `Delivered-To: ${forwarded}\r\n`)
  const prefix = prefixValue instanceof Uint8Array ? Buffer.concat([by, prefixValue]) : by
  const at: Position = { segment: Number(segment), offset: Number(offset), length: Number(length) }
  const recipients = rows.map(recipientOf)
  return {
    ...facts,
    at,
    messageId: Number(id),
    messageSender: String(messageSender),
    queueId: String(queueId),
    transport: recipients[0]?.transport ?? '',
    nexthop: recipients[0]?.nexthop ?? '',
    sender,
    arrivalMs: Number(arrivalMs),
    sizeOctets: Number(size) + prefix.length,
    hold: hold === 1,
    expire: expire === 1,
    warned: warned === 1,
    recipients,
    read: (from, to) => {
      if (from < prefix.length) return prefix.subarray(from, Math.min(to, prefix.length))
      return log.read(at, from - prefix.length, to - prefix.length)
    },
  }
}

function recipientOf(row: readonly SqlValue[]): JobRecipient {
  return {
    id: Number(row[0]),
    n: Number(row[1]),
    address: String(row[2]),
    original: String(row[3]),
    transport: String(row[5]),
    nexthop: String(row[6]),
    ...(typeof row[7] === 'string' && { sender: row[7] }),
    ...factsOf(row),
    status: String(row[8]),
    reason: String(row[9]),
    forced: Number(row[10]) <= FORCED,
  }
}

function factsOf(row: readonly SqlValue[]): RecipientFacts {
  return JSON.parse(String(row[4])) as RecipientFacts // written by enqueue
}

/** next_attempt_ms up to this: asked for by name. */
export const FORCED = 1

/** Outcomes of what was sent. */
const SENT: Readonly<Record<string, { readonly final?: true; readonly expanded?: true }>> = {
  sent: {},
  delivered: { final: true },
  expanded: { expanded: true },
}

function endedOf(job: DueJob, recipient: JobRecipient | undefined, row: readonly SqlValue[]): Ended[] {
  const [outcome, remoteMta, remoteReply] = row.slice(11)
  if (recipient === undefined) return []
  const { status: dsn, reason: text } = recipient
  const remote = {
    ...(typeof remoteMta === 'string' && { remoteMta }),
    ...(typeof remoteReply === 'string' && { remoteReply }),
  }
  const kind = SENT[String(outcome)]
  const status = outcome === 'bounced' ? 'bounced' : 'deferred'
  const result: RecipientResult =
    kind === undefined ? { status, dsn, text, ...remote } : { status: 'sent', dsn, text, ...remote, ...kind }
  return [{ job, recipient, expired: outcome === 'expired', result }]
}
