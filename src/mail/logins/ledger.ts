/**
 * The ledger of log-ins, for the owner of each account. What comes in a second is written together, and without waiting for
 * the disk: a power cut takes the last moments of it. Log-ins of a day that are alike are one row with a count, so that a
 * telephone that looks every minute does not push out what matters; those that failed are bounded by themselves, so that
 * strangers cannot push out those that did not.
 */
import type { Clock } from '../../base/mod.ts'
import type { Db, Tx } from '../../io/db/mod.ts'
import type { AccountId, Scope } from '../accounts/mod.ts'

const FLUSH_MS = 1000
/** Different ones that wait to be written; beyond, they are written at once. */
const PENDING_MAX = 1000
/** Rows of one account: that succeeded, and that failed. */
const ROWS_MAX = [500, 1000] as const
const DAY_MS = 86_400_000
/** When an application password was used last is known to the hour. */
const USED_MS = 3_600_000
/** Rows that are let go in one transaction for being too old. */
const FORGOTTEN_AT_ONCE = 500
/** What clients name themselves is bounded here. */
const WORD_MAX = 64

export interface LogIn {
  readonly account: AccountId
  readonly succeeded: boolean
  readonly service: Scope
  readonly address: string
  readonly network: string
  readonly mechanism: string
  /** TLS version, `''` for none. */
  readonly tls: string
  /** The application password's name, `''` for the account's own. */
  readonly password: string
}

export interface LogInRecord extends LogIn {
  readonly firstMs: number
  readonly lastMs: number
  readonly count: number
}

interface Pending extends LogIn {
  firstMs: number
  lastMs: number
  count: number
}

export class Ledger {
  readonly #db: Db
  readonly #clock: Clock
  readonly #lifetimeMs: () => number
  #pending = new Map<string, Pending>()
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> = Promise.resolve()

  /** @param lifetimeMs login_record_lifetime; 0 records nothing */
  constructor(db: Db, clock: Clock, lifetimeMs: () => number) {
    this.#db = db
    this.#clock = clock
    this.#lifetimeMs = lifetimeMs
  }

  add(login: LogIn): void {
    if (this.#lifetimeMs() === 0) return
    const now = this.#clock.now()
    const key = JSON.stringify([...Object.values(login), Math.floor(now / DAY_MS)])
    const known = this.#pending.get(key)
    if (known !== undefined) {
      known.lastMs = now
      known.count++
      return
    }
    const mechanism = login.mechanism.slice(0, WORD_MAX)
    this.#pending.set(key, { ...login, mechanism, firstMs: now, lastMs: now, count: 1 })
    if (this.#pending.size >= PENDING_MAX) void this.flush()
    else this.#timer ??= setTimeout(() => void this.flush(), FLUSH_MS).unref()
  }

  /** Writes what waits; what cannot be written is left, for no log-in hangs on it. */
  flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const those = [...this.#pending.values()]
    this.#pending = new Map()
    if (those.length === 0) return this.#writing
    this.#writing = this.#writing.then(() => this.#db.write((tx) => this.#put(tx, those))).catch(() => {})
    return this.#writing
  }

  #put(tx: Tx, those: readonly Pending[]): void {
    const touched = new Map<string, Pending>()
    for (const one of those) {
      putOne(tx, one)
      touched.set(`${one.account} ${one.succeeded}`, one)
    }
    for (const { account, succeeded } of touched.values()) prune(tx, account, succeeded)
    forgetBefore(tx, Math.floor((this.#clock.now() - this.#lifetimeMs()) / DAY_MS))
  }

  /** The latest first. */
  list(account: AccountId): LogInRecord[] {
    return this.#db.read
      .sql(
        `SELECT succeeded, service, address, network, mechanism, tls, password, first_ms, last_ms, count
           FROM login_record WHERE account = ? ORDER BY last_ms DESC`,
      )
      .all(account)
      .map((row) => ({
        account,
        succeeded: row[0] === 1,
        service: String(row[1]) as Scope, // putOne wrote it
        address: String(row[2]),
        network: String(row[3]),
        mechanism: String(row[4]),
        tls: String(row[5]),
        password: String(row[6]),
        firstMs: Number(row[7]),
        lastMs: Number(row[8]),
        count: Number(row[9]),
      }))
  }

  /** Whether the account has logged in from the network, as far as is remembered. */
  hasLoggedIn(account: AccountId, network: string): boolean {
    const isPending = (one: Pending): boolean => one.account === account && one.succeeded && one.network === network
    if (this.#pending.values().some(isPending)) return true
    return (
      this.#db.read
        .sql('SELECT 1 FROM login_record WHERE account = ? AND succeeded = 1 AND network = ? LIMIT 1')
        .get(account, network) !== undefined
    )
  }
}

function putOne(tx: Tx, one: Pending): void {
  // An account that was deleted meanwhile has no ledger.
  tx.sql(
    `INSERT INTO login_record (account, succeeded, day, service, address, mechanism, tls, password, network,
         first_ms, last_ms, count)
       SELECT id, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM account WHERE id = ?
       ON CONFLICT DO UPDATE SET last_ms = max(last_ms, excluded.last_ms), count = count + excluded.count`,
  ).run(
    one.succeeded ? 1 : 0,
    Math.floor(one.firstMs / DAY_MS),
    one.service,
    one.address,
    one.mechanism,
    one.tls,
    one.password,
    one.network,
    one.firstMs,
    one.lastMs,
    one.count,
    one.account,
  )
  if (!one.succeeded || one.password === '') return
  tx.sql('UPDATE app_password SET used_ms = ? WHERE account = ? AND name = ? AND ifnull(used_ms, 0) <= ?').run(
    one.lastMs,
    one.account,
    one.password,
    one.lastMs - USED_MS,
  )
}

const KEY = '(account, succeeded, day, service, address, mechanism, tls, password)'
const COLUMNS = KEY.slice(1, -1)

/** Of accounts that nobody logs in to any more too; a slice at a time. */
function forgetBefore(tx: Tx, day: number): void {
  tx.sql(
    `DELETE FROM login_record WHERE ${KEY} IN (SELECT ${COLUMNS} FROM login_record WHERE day < ? ORDER BY day LIMIT ?)`,
  ).run(day, FORGOTTEN_AT_ONCE)
}

function prune(tx: Tx, account: AccountId, succeeded: boolean): void {
  const flag = succeeded ? 1 : 0
  const row = tx.sql('SELECT count(*) FROM login_record WHERE account = ? AND succeeded = ?').get(account, flag)
  const over = Number(row?.[0]) - (succeeded ? ROWS_MAX[1] : ROWS_MAX[0])
  if (over <= 0) return
  tx.sql(
    `DELETE FROM login_record WHERE ${KEY} IN (
       SELECT ${COLUMNS} FROM login_record WHERE account = ? AND succeeded = ? ORDER BY last_ms LIMIT ?)`,
  ).run(account, flag, over)
}
