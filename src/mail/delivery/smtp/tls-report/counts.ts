/**
 * How TLS to other servers went, counted by day and domain until it is reported: table `tls_result`, one row each
 * kind of outcome. RFC 8460 §4.
 */
import { createHash } from 'node:crypto'
import type { FailureType, ReportedPolicy } from '../../../../formats/reports/mod.ts'
import type { Db } from '../../../../io/db/mod.ts'

export const tlsResultTable = `-- Sessions with servers of a domain on a day (UTC), by what was applied and what came of it.
     CREATE TABLE tls_result (
       day INTEGER NOT NULL,
       domain TEXT NOT NULL,
       -- JSON
       policy TEXT NOT NULL,
       -- '' where TLS was as it should be
       failure TEXT NOT NULL,
       sending_ip TEXT NOT NULL,
       mx_host TEXT NOT NULL,
       receiving_ip TEXT NOT NULL,
       reason TEXT NOT NULL,
       sessions INTEGER NOT NULL,
       id TEXT PRIMARY KEY
     ) STRICT, WITHOUT ROWID;
     CREATE INDEX tls_result_day ON tls_result (day, domain)`

/** One session, or an attempt at one. */
export interface TlsOutcome {
  readonly domain: string
  readonly policy: ReportedPolicy
  readonly failure?: FailureType
  /** Where there was a failure. */
  readonly at?: TlsEnds
}

export interface TlsEnds {
  readonly sendingIp: string
  readonly mxHost: string
  readonly receivingIp: string
  readonly reason: string
}

export interface TlsCount {
  /** Days since 1970. */
  readonly day: number
  readonly domain: string
  readonly policy: ReportedPolicy
  readonly failure: FailureType | ''
  readonly at: TlsEnds
  readonly sessions: number
}

const DAY_MS = 86_400_000
/** Counts are written so often; what a crash takes with it is no more than this. */
const FLUSH_MS = 10_000
/** Kinds of outcome in memory, and in the table for a day: more are not counted. */
const MAX_PENDING = 5000
const MAX_ROWS = 100_000
/** Of a reason that is kept. */
const MAX_REASON = 200
/** Days that are kept where nobody reports them. */
const KEPT_DAYS = 14

const NOWHERE: TlsEnds = { sendingIp: '', mxHost: '', receivingIp: '', reason: '' }

export class TlsCounts {
  readonly #db: Pick<Db, 'read' | 'write'>
  readonly #now: () => number
  readonly #pending = new Map<string, TlsCount>()
  #timer: NodeJS.Timeout | undefined
  #swept = 0

  constructor(db: Pick<Db, 'read' | 'write'>, now: () => number) {
    this.#db = db
    this.#now = now
  }

  add({ domain, policy, failure, at = NOWHERE }: TlsOutcome): void {
    const day = Math.floor(this.#now() / DAY_MS)
    const shown = { ...at, reason: at.reason.slice(0, MAX_REASON) }
    const id = createHash('sha256')
      .update(JSON.stringify([day, domain, policy, failure, shown]))
      .digest('base64url')
    const before = this.#pending.get(id)
    if (before === undefined && this.#pending.size >= MAX_PENDING) return
    const sessions = (before?.sessions ?? 0) + 1
    this.#pending.set(id, { day, domain, policy, failure: failure ?? '', at: shown, sessions })
    this.#timer ??= setTimeout(() => void this.flush().catch(() => {}), FLUSH_MS).unref()
  }

  /** Writes what was counted. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const counts = [...this.#pending]
    this.#pending.clear()
    if (counts.length === 0) return
    const today = Math.floor(this.#now() / DAY_MS)
    await this.#db.write((tx) => {
      const known = Number(tx.sql('SELECT count(*) FROM tls_result WHERE day = ?').get(today)?.[0] ?? 0)
      const add = tx.sql(
        'INSERT INTO tls_result VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ' +
          'ON CONFLICT (id) DO UPDATE SET sessions = sessions + excluded.sessions',
      )
      for (const [id, { day, domain, policy, failure, at, sessions }] of known > MAX_ROWS ? [] : counts)
        add.run(
          day,
          domain,
          JSON.stringify(policy),
          failure,
          at.sendingIp,
          at.mxHost,
          at.receivingIp,
          at.reason,
          sessions,
          id,
        )
      if (this.#swept === today) return
      this.#swept = today
      tx.sql('DELETE FROM tls_result WHERE day < ?').run(today - KEPT_DAYS)
    })
  }

  /** Domains with counts of days before `day`, a day and domain each. */
  due(day: number): { readonly day: number; readonly domain: string }[] {
    const rows = this.#db.read.sql('SELECT DISTINCT day, domain FROM tls_result WHERE day < ? ORDER BY 1, 2').all(day)
    return rows.map(([of, domain]) => ({ day: Number(of), domain: String(domain) }))
  }

  /** @param domain all, where there is none */
  list(day: number, domain?: string): TlsCount[] {
    const where = domain === undefined ? '' : ' AND domain = ?'
    const rows = this.#db.read
      .sql(
        `SELECT day, domain, policy, failure, sending_ip, mx_host, receiving_ip, reason, sessions FROM tls_result
         WHERE day = ?${where} ORDER BY domain, failure, mx_host`,
      )
      .all(day, ...(domain === undefined ? [] : [domain]))
    return rows.map(([of, name, policy, failure, sendingIp, mxHost, receivingIp, reason, sessions]) => ({
      day: Number(of),
      domain: String(name),
      policy: JSON.parse(String(policy)) as ReportedPolicy, // our own
      failure: String(failure) as FailureType | '',
      at: {
        sendingIp: String(sendingIp),
        mxHost: String(mxHost),
        receivingIp: String(receivingIp),
        reason: String(reason),
      },
      sessions: Number(sessions),
    }))
  }

  /** They were reported, or nobody asks for them. */
  forget(day: number, domain: string): Promise<void> {
    return this.#db.write((tx) => void tx.sql('DELETE FROM tls_result WHERE day = ? AND domain = ?').run(day, domain))
  }
}
