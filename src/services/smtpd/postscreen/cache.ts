/** Clients that passed: table `screened_client`, one row each. Postfix: postscreen_cache_map. */
import type { Db, Schema } from '../../../io/db/mod.ts'
import { type Expiry, type Test, TESTS } from './tests.ts'

export const screenSchema: Schema = {
  room: 'services/smtpd/postscreen',
  steps: [
    // Until when each test counts as passed, ms since 1970.
    `CREATE TABLE screened_client (
       address TEXT PRIMARY KEY,
       pregreet INTEGER NOT NULL, dnsbl INTEGER NOT NULL, pipelining INTEGER NOT NULL,
       nonSmtp INTEGER NOT NULL, bareNewline INTEGER NOT NULL
     ) STRICT, WITHOUT ROWID`,
  ],
}

export interface ClientCache {
  find(address: string): Expiry | undefined
  put(address: string, expiry: Expiry): Promise<void>
  /** Forgets those whose every test ran out before. */
  forget(beforeMs: number): Promise<void>
}

const COLUMNS = TESTS.join(', ')
/** Rows that go in one transaction. */
const SLICE = 1000

export function clientCache(db: Db): ClientCache {
  return {
    find(address) {
      const row = db.read.sql(`SELECT ${COLUMNS} FROM screened_client WHERE address = ?`).get(address)
      // Object.fromEntries forgets the keys that TESTS names one by one.
      return row && (Object.fromEntries(TESTS.map((test, i) => [test, Number(row[i])])) as Record<Test, number>)
    },
    put(address, expiry) {
      return db.write((tx) => {
        tx.sql(`INSERT OR REPLACE INTO screened_client (address, ${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)`).run(
          address,
          ...TESTS.map((test) => expiry[test]),
        )
      })
    },
    forget(beforeMs) {
      const all = TESTS.map((test) => `${test} < ?`).join(' AND ')
      return db.write((tx) => {
        tx.sql(
          `DELETE FROM screened_client WHERE address IN (SELECT address FROM screened_client WHERE ${all} LIMIT ${SLICE})`,
        ).run(...TESTS.map(() => beforeMs))
      })
    },
  }
}
