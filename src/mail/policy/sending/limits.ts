/**
 * How much accounts send, and whether that is too much: against passwords that somebody else has. What an account sends is
 * counted in the transaction that decides, so that no thread lets through what another has counted.
 */
import { hash } from 'node:crypto'
import type { Clock } from '../../../base/mod.ts'
import type { Db, Reader, Tx } from '../../../io/db/mod.ts'
import type { SendingSettings } from './params.ts'

const BUCKET_MS = 300_000
const HOUR_BUCKETS = 12
const DAY_BUCKETS = 288
const DAY_MS = 86_400_000
/** A recipient is new that was not written to for so many days. */
const KNOWN_DAYS = 30
/** Messages of an account that are held within a day; more are refused, so that nobody fills the queue. */
export const HELD_MAX = 100
/** How often people are told of one account. */
const NOTICE_MS = DAY_MS
const RECIPIENT_OCTETS = 8

/** What one account wants to send. */
export interface Outgoing {
  readonly owner: string
  readonly queueId: string
  readonly recipients: readonly string[]
  /** A message can be held; otherwise it is refused. */
  readonly mayHold: boolean
}

/** `over`: the limit, in words; `tell`: nobody was told lately. */
export type SendingVerdict =
  | { readonly verdict: 'ok' }
  | { readonly verdict: 'hold' | 'refuse'; readonly over: string; readonly tell: boolean }

export interface Sent {
  readonly messages: number
  readonly newRecipients: number
}

export interface SendingState {
  readonly hour: Sent
  readonly day: Sent
  /** Queue ids, the oldest first. */
  readonly held: readonly string[]
}

/** Under what an account's mail is counted. @param username of who has no account here */
export function sendingOwner(account: number | undefined, username: string): string {
  return account === undefined ? `user ${username.toLowerCase()}` : String(account)
}

export class SendingLimits {
  readonly #db: Db
  readonly #clock: Clock
  readonly #cf: SendingSettings

  constructor(db: Db, clock: Clock, cf: SendingSettings) {
    this.#db = db
    this.#clock = clock
    this.#cf = cf
  }

  get isOn(): boolean {
    return (
      this.#countsRecipients || this.#cf.account_hourly_message_limit > 0 || this.#cf.account_daily_message_limit > 0
    )
  }

  get #countsRecipients(): boolean {
    return this.#cf.account_hourly_new_recipient_limit > 0 || this.#cf.account_daily_new_recipient_limit > 0
  }

  /** Counts the message where it may go. */
  ask(outgoing: Outgoing): Promise<SendingVerdict> {
    return this.#db.write((tx): SendingVerdict => {
      const now = this.#clock.now()
      const keys = this.#countsRecipients ? recipientKeys(outgoing.recipients) : []
      const fresh = keys.filter((key) => !isKnown(tx, outgoing.owner, key, now))
      const over = this.#over(tx, outgoing.owner, fresh.length, now)
      if (over !== undefined) return this.#hold(tx, outgoing, over, now)
      count(tx, outgoing.owner, fresh.length, now)
      const remember = tx.sql('INSERT OR REPLACE INTO sending_recipient (owner, recipient, day) VALUES (?, ?, ?)')
      for (const key of keys) remember.run(outgoing.owner, key, Math.floor(now / DAY_MS))
      return { verdict: 'ok' }
    })
  }

  state(owner: string): SendingState {
    const now = this.#clock.now()
    const held = this.#db.read.sql('SELECT queue_id FROM sending_held WHERE owner = ? ORDER BY at_ms').all(owner)
    const { read } = this.#db
    return {
      hour: sent(read, owner, now, HOUR_BUCKETS),
      day: sent(read, owner, now, DAY_BUCKETS),
      held: held.map(([id]) => String(id)),
    }
  }

  /** What it sent counts no more, and nothing is known as held. */
  release(owner: string): Promise<void> {
    return this.#delete(owner, ['sending_count', 'sending_held', 'sending_notice'])
  }

  /** It is gone, and whom it wrote to with it. */
  forget(owner: string): Promise<void> {
    return this.#delete(owner, ['sending_count', 'sending_held', 'sending_notice', 'sending_recipient'])
  }

  async #delete(owner: string, tables: readonly string[]): Promise<void> {
    await this.#db.write((tx) => {
      for (const table of tables) tx.sql(`DELETE FROM ${table} WHERE owner = ?`).run(owner)
    })
    await this.#db.syncWal()
  }

  #over(tx: Tx, owner: string, fresh: number, now: number): string | undefined {
    const hour = sent(tx, owner, now, HOUR_BUCKETS)
    const day = sent(tx, owner, now, DAY_BUCKETS)
    const limits = [
      ['account_hourly_message_limit', hour.messages + 1, 'messages in an hour'],
      ['account_daily_message_limit', day.messages + 1, 'messages in a day'],
      ['account_hourly_new_recipient_limit', hour.newRecipients + fresh, 'new recipients in an hour'],
      ['account_daily_new_recipient_limit', day.newRecipients + fresh, 'new recipients in a day'],
    ] as const
    const found = limits.find(([name, would]) => this.#cf[name] > 0 && would > this.#cf[name])
    return found && `more than ${this.#cf[found[0]]} ${found[2]}`
  }

  #hold(tx: Tx, { owner, queueId, mayHold }: Outgoing, over: string, now: number): SendingVerdict {
    tx.sql('DELETE FROM sending_held WHERE owner = ? AND at_ms < ?').run(owner, now - KNOWN_DAYS * DAY_MS)
    const held = tx.sql('SELECT count(*) FROM sending_held WHERE owner = ? AND at_ms > ?').get(owner, now - DAY_MS)
    const isHeld = mayHold && Number(held?.[0]) < HELD_MAX
    if (isHeld)
      tx.sql('INSERT OR IGNORE INTO sending_held (owner, queue_id, at_ms) VALUES (?, ?, ?)').run(owner, queueId, now)
    const tell =
      tx
        .sql(
          `INSERT INTO sending_notice (owner, at_ms) VALUES (?, ?)
             ON CONFLICT DO UPDATE SET at_ms = excluded.at_ms WHERE at_ms <= excluded.at_ms - ?`,
        )
        .run(owner, now, NOTICE_MS).changes > 0
    return { verdict: isHeld ? 'hold' : 'refuse', over, tell }
  }
}

function recipientKeys(addresses: readonly string[]): Buffer[] {
  const folded = new Set(addresses.map((address) => address.toLowerCase()))
  return [...folded].map((address) => hash('sha256', address, 'buffer').subarray(0, RECIPIENT_OCTETS))
}

function isKnown(tx: Tx, owner: string, key: Buffer, now: number): boolean {
  const row = tx.sql('SELECT day FROM sending_recipient WHERE owner = ? AND recipient = ?').get(owner, key)
  return row !== undefined && Number(row[0]) > Math.floor(now / DAY_MS) - KNOWN_DAYS
}

function sent(reader: Reader, owner: string, now: number, buckets: number): Sent {
  const row = reader
    .sql('SELECT total(messages), total(new_recipients) FROM sending_count WHERE owner = ? AND bucket > ?')
    .get(owner, Math.floor(now / BUCKET_MS) - buckets)
  return { messages: Number(row?.[0] ?? 0), newRecipients: Number(row?.[1] ?? 0) }
}

/** The first message of five minutes lets go what is too old to count. */
function count(tx: Tx, owner: string, fresh: number, now: number): void {
  const bucket = Math.floor(now / BUCKET_MS)
  const { changes } = tx
    .sql(
      'UPDATE sending_count SET messages = messages + 1, new_recipients = new_recipients + ? WHERE owner = ? AND bucket = ?',
    )
    .run(fresh, owner, bucket)
  if (changes > 0) return
  tx.sql('INSERT INTO sending_count (owner, bucket, messages, new_recipients) VALUES (?, ?, 1, ?)').run(
    owner,
    bucket,
    fresh,
  )
  tx.sql('DELETE FROM sending_count WHERE owner = ? AND bucket <= ?').run(owner, bucket - DAY_BUCKETS)
  tx.sql('DELETE FROM sending_recipient WHERE owner = ? AND day <= ?').run(owner, Math.floor(now / DAY_MS) - KNOWN_DAYS)
}
