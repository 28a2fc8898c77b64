/**
 * Greylisting: a client network, sender and recipient that are new together are told to come again, which spam seldom does.
 * RFC 6647. What is known is asked without a write; a new triplet, one that passes, and a day gone by are a write each.
 */
import { hash } from 'node:crypto'
import type { Clock } from '../../../base/mod.ts'
import type { Db, Tx } from '../../../io/db/mod.ts'
import { parseAddress } from '../../../io/tables/mod.ts'
import type { GreylistSettings } from './params.ts'

export interface Triplet {
  /** The client's address. */
  readonly address: string
  readonly sender: string
  readonly recipient: string
}

/** `waitMs`: how much of the delay is left; 0: it may pass. `why` is for the recorded path. */
export interface GreylistAnswer {
  readonly waitMs: number
  readonly why: string
}

const TRIPLET_OCTETS = 12
const DAY_MS = 86_400_000
/** Expired rows are looked for so often, and after so many new ones. */
const CLEAN_EVERY_MS = 3_600_000
const CLEAN_EVERY_ENTRIES = 10_000
/** Rows that go in one transaction. */
const SLICE = 1000

export class Greylist {
  readonly #db: Db
  readonly #clock: Clock
  readonly #cf: GreylistSettings
  readonly #failed: (error: unknown) => void
  #cleanedMs: number
  #added = 0

  /** @param failed is told of what cannot be written; the answer stands */
  constructor(db: Db, clock: Clock, cf: GreylistSettings, failed: (error: unknown) => void) {
    this.#db = db
    this.#clock = clock
    this.#cf = cf
    this.#failed = failed
    this.#cleanedMs = clock.now()
  }

  async ask(triplet: Triplet): Promise<GreylistAnswer> {
    const now = this.#clock.now()
    const network = networkOf(triplet.address, this.#cf)
    const client = this.#client(network)
    const { greylist_auto_allow_clients: often, greylist_delay: delayMs } = this.#cf
    if (often > 0 && client.passes >= often && now - client.seenMs < this.#cf.greylist_lifetime) {
      if (now - client.seenMs >= DAY_MS) await this.#write((tx) => seenClient(tx, network, client.passes, now))
      return { waitMs: 0, why: `${network} has passed ${client.passes} times` }
    }
    const key = keyOf(network, triplet)
    const row = this.#db.read.sql('SELECT first_ms, seen_ms, passed FROM greylist WHERE triplet = ?').get(key)
    const [firstMs = 0, seenMs = 0, passed = 0] = row?.map(Number) ?? []
    const keptMs = passed === 1 ? this.#cf.greylist_lifetime : this.#cf.greylist_retry_window
    if (row === undefined || now - seenMs >= keptMs || firstMs > now) {
      if (delayMs === 0) return { waitMs: 0, why: 'greylist_delay is 0' }
      await this.#write((tx) => put(tx, key, { firstMs: now, seenMs: now, passed: 0 }))
      await this.#clean(now)
      return { waitMs: delayMs, why: row === undefined ? 'new' : 'new again' }
    }
    if (passed === 1) {
      if (now - seenMs >= DAY_MS) await this.#write((tx) => put(tx, key, { firstMs, seenMs: now, passed: 1 }))
      return { waitMs: 0, why: 'known' }
    }
    const waitMs = firstMs + delayMs - now
    if (waitMs > 0) return { waitMs, why: 'too early' }
    await this.#write((tx) => {
      put(tx, key, { firstMs, seenMs: now, passed: 1 })
      seenClient(tx, network, client.passes + 1, now)
    })
    return { waitMs: 0, why: 'came again' }
  }

  #client(network: string): { readonly passes: number; readonly seenMs: number } {
    const row = this.#db.read.sql('SELECT passes, seen_ms FROM greylist_client WHERE network = ?').get(network)
    return { passes: Number(row?.[0] ?? 0), seenMs: Number(row?.[1] ?? 0) }
  }

  async #write(work: (tx: Tx) => void): Promise<void> {
    try {
      await this.#db.write(work)
    } catch (error) {
      this.#failed(error)
    }
  }

  async #clean(now: number): Promise<void> {
    if (++this.#added < CLEAN_EVERY_ENTRIES && now - this.#cleanedMs < CLEAN_EVERY_MS) return
    this.#added = 0
    this.#cleanedMs = now
    const { greylist_retry_window: windowMs, greylist_lifetime: lifetimeMs, greylist_entry_limit: limit } = this.#cf
    const count = Number(this.#db.read.sql('SELECT count(*) FROM greylist').get()?.[0] ?? 0)
    let over = count - limit
    const oldest = 'SELECT triplet FROM greylist WHERE passed = ? AND seen_ms < ? ORDER BY seen_ms LIMIT ?'
    for (const [passed, beforeMs, isForced] of [
      [0, now - windowMs, false],
      [1, now - lifetimeMs, false],
      [0, Infinity, true],
      [1, Infinity, true],
    ] as const) {
      for (let gone = SLICE; gone === SLICE && (!isForced || over > 0); over -= gone) {
        const most = isForced ? Math.min(SLICE, over) : SLICE
        const before = Math.min(beforeMs, Number.MAX_SAFE_INTEGER)
        gone = 0
        await this.#write((tx) => {
          gone = Number(tx.sql(`DELETE FROM greylist WHERE triplet IN (${oldest})`).run(passed, before, most).changes)
        })
      }
    }
    await this.#cleanClients(now - lifetimeMs, limit)
  }

  /** Who has many networks could fill the disk with them as well. */
  async #cleanClients(beforeMs: number, limit: number): Promise<void> {
    const oldest = 'SELECT network FROM greylist_client WHERE seen_ms < ? ORDER BY seen_ms LIMIT ?'
    const count = Number(this.#db.read.sql('SELECT count(*) FROM greylist_client').get()?.[0] ?? 0)
    let over = count - limit
    for (const [before, isForced] of [
      [beforeMs, false],
      [Number.MAX_SAFE_INTEGER, true],
    ] as const)
      for (let gone = SLICE; gone === SLICE && (!isForced || over > 0); over -= gone) {
        const most = isForced ? Math.min(SLICE, over) : SLICE
        gone = 0
        await this.#write((tx) => {
          const sql = `DELETE FROM greylist_client WHERE network IN (${oldest})`
          gone = Number(tx.sql(sql).run(before, most).changes)
        })
      }
  }
}

interface Entry {
  readonly firstMs: number
  readonly seenMs: number
  readonly passed: 0 | 1
}

function put(tx: Tx, key: Buffer, { firstMs, seenMs, passed }: Entry): void {
  tx.sql('INSERT OR REPLACE INTO greylist (triplet, first_ms, seen_ms, passed) VALUES (?, ?, ?, ?)').run(
    key,
    firstMs,
    seenMs,
    passed,
  )
}

function seenClient(tx: Tx, network: string, passes: number, nowMs: number): void {
  tx.sql('INSERT OR REPLACE INTO greylist_client (network, passes, seen_ms) VALUES (?, ?, ?)').run(
    network,
    passes,
    nowMs,
  )
}

/** `192.0.2.0/24` as `32/24:12582914`. */
function networkOf(address: string, cf: GreylistSettings): string {
  const parsed = parseAddress(address)
  if (parsed === undefined) return address
  const kept = parsed.bits === 32 ? cf.greylist_client_ipv4_prefix_length : cf.greylist_client_ipv6_prefix_length
  return `${parsed.bits}/${kept}:${parsed.value >> BigInt(parsed.bits - kept)}`
}

/** Numbers in the sender's local part, and what stands behind a +, are different each time with many mailing lists. */
function keyOf(network: string, { sender, recipient }: Triplet): Buffer {
  const at = sender.lastIndexOf('@')
  const local = sender.slice(0, Math.max(0, at)).replace(/\+.*$/, '').replaceAll(/\d+/g, '#')
  const text = [network, `${local}${sender.slice(Math.max(0, at))}`, recipient].join('\n').toLowerCase()
  return hash('sha256', text, 'buffer').subarray(0, TRIPLET_OCTETS)
}
