/** Policies of MTA-STS that were fetched: table `sts_policy`, one row a domain. They must outlive a restart (RFC 8461 §5.1). */
import type { Db } from '../../../../io/db/mod.ts'
import { parseStsPolicy, type StsPolicy } from './policy.ts'

export const stsTable = `-- What a domain says of its servers (RFC 8461), the text as it was fetched.
     CREATE TABLE sts_policy (
       domain TEXT PRIMARY KEY,
       id TEXT NOT NULL,
       text TEXT NOT NULL,
       fetched_ms INTEGER NOT NULL,
       until_ms INTEGER NOT NULL
     ) STRICT, WITHOUT ROWID`

export interface Kept {
  readonly id: string
  readonly policy: StsPolicy
  readonly fetchedMs: number
  readonly untilMs: number
}

export interface StsCache {
  find(domain: string, nowMs: number): Kept | undefined
  put(domain: string, id: string, text: string, times: Pick<Kept, 'fetchedMs' | 'untilMs'>): Promise<void>
}

/** Policies at the most; those go first that end first. */
const LIMIT = 20_000
/** Rows that go at a time. */
const SLICE = 100

export function stsCache(db: Pick<Db, 'read' | 'write'>): StsCache {
  return {
    find(domain, nowMs) {
      const row = db.read
        .sql('SELECT id, text, fetched_ms, until_ms FROM sts_policy WHERE domain = ? AND until_ms > ?')
        .get(domain, nowMs)
      const policy = row === undefined ? undefined : parseStsPolicy(String(row[1]))
      if (row === undefined || policy === undefined) return undefined
      return { id: String(row[0]), policy, fetchedMs: Number(row[2]), untilMs: Number(row[3]) }
    },
    put(domain, id, text, { fetchedMs, untilMs }) {
      return db.write((tx) => {
        tx.sql('INSERT OR REPLACE INTO sts_policy VALUES (?, ?, ?, ?, ?)').run(domain, id, text, fetchedMs, untilMs)
        const over = `SELECT domain FROM sts_policy WHERE until_ms <= ? LIMIT ${SLICE}`
        tx.sql(`DELETE FROM sts_policy WHERE domain IN (${over})`).run(fetchedMs)
        const count = Number(tx.sql('SELECT count(*) FROM sts_policy').get()?.[0] ?? 0)
        const first = `SELECT domain FROM sts_policy ORDER BY until_ms LIMIT ${Math.max(0, count - LIMIT)}`
        if (count > LIMIT) tx.sql(`DELETE FROM sts_policy WHERE domain IN (${first})`).run()
      })
    },
  }
}
