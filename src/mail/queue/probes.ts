/**
 * Address probes: whether the mail system that an address belongs to would take mail for it. What was found out is kept in
 * table `address_probe`; a probe itself is a delivery without content, made by the agents. Postfix: verify(8).
 */
import type { Clock, Wakeup } from '#src/base/mod.ts'
import type { Db } from '../../io/db/mod.ts'
import type { Settings } from '../../io/config/mod.ts'
import type { probeParams } from './params.ts'

export interface ProbeResult {
  readonly status: 'deliverable' | 'undeliverable' | 'deferred' | 'failed'
  readonly text: string
}

interface Known extends ProbeResult {
  readonly updatedMs: number
}

/** Answers are kept so many; the oldest go. */
const KEPT_LIMIT = 100_000
/** While a client waits, the answer is looked for so often. */
const LOOK_MS = 50

export class ProbeStore {
  readonly #db: Db

  constructor(db: Db) {
    this.#db = db
  }

  find(address: string): Known | undefined {
    const row = this.#db.read
      .sql(`SELECT status, text, updated_ms FROM address_probe WHERE address = ? AND status <> ''`)
      .get(address)
    if (row === undefined) return undefined
    const status = row[0] as ProbeResult['status'] // put wrote it
    return { status, text: String(row[1]), updatedMs: Number(row[2]) }
  }

  /** False: too many wait already. */
  want(address: string, nowMs: number, limit: number): Promise<boolean> {
    return this.#db.write((tx) => {
      const waiting = Number(tx.sql('SELECT count(*) FROM address_probe WHERE wanted_ms IS NOT NULL').get()?.[0] ?? 0)
      if (waiting >= limit) return false
      tx.sql(
        'INSERT INTO address_probe (address, wanted_ms) VALUES (?, ?) ON CONFLICT (address) DO UPDATE SET wanted_ms = excluded.wanted_ms',
      ).run(address, nowMs)
      return true
    })
  }

  wanted(limit: number): string[] {
    return this.#db.read
      .sql('SELECT address FROM address_probe WHERE wanted_ms IS NOT NULL ORDER BY wanted_ms LIMIT ?')
      .all(limit)
      .map(([address]) => String(address))
  }

  put(address: string, { status, text }: ProbeResult, nowMs: number): Promise<void> {
    return this.#db.write((tx) => {
      tx.sql('UPDATE address_probe SET status = ?, text = ?, updated_ms = ?, wanted_ms = NULL WHERE address = ?').run(
        status,
        text,
        nowMs,
        address,
      )
      tx.sql(
        'DELETE FROM address_probe WHERE address IN (SELECT address FROM address_probe ORDER BY updated_ms DESC LIMIT 100 OFFSET ?)',
      ).run(KEPT_LIMIT)
    })
  }
}

export interface ProbeAskDeps {
  readonly store: ProbeStore
  /** Wakes main, which makes the probes. */
  readonly queued: Wakeup
  readonly clock: Clock
  readonly cf: Settings<typeof probeParams>
}

/** Asks for an address: what is known, or what a probe finds out while the client waits. */
export function probeAsker({ store, queued, clock, cf }: ProbeAskDeps): (address: string) => Promise<ProbeResult> {
  const want = async (address: string): Promise<boolean> => {
    const taken = await store.want(address, clock.now(), cf.address_verify_pending_request_limit)
    queued.notify()
    return taken
  }
  return async (address) => {
    const began = clock.now()
    const known = store.find(address)
    if (known !== undefined) {
      const age = began - known.updatedMs
      const good = known.status === 'deliverable'
      const usable = good
        ? age < cf.address_verify_positive_expire_time
        : cf.address_verify_negative_cache && age < cf.address_verify_negative_expire_time
      if (usable) {
        const refresh = good ? cf.address_verify_positive_refresh_time : cf.address_verify_negative_refresh_time
        if (age >= refresh) await want(address)
        return known
      }
    }
    if (!(await want(address))) return { status: 'failed', text: 'too many address probes wait' }
    const until = clock.monotonic() + cf.address_verify_poll_count * cf.address_verify_poll_delay
    while (clock.monotonic() < until) {
      await new Promise((wake) => setTimeout(wake, LOOK_MS))
      const found = store.find(address)
      if (found !== undefined && found.updatedMs >= began) return found
    }
    return { status: 'deferred', text: 'Address verification in progress' }
  }
}
