/** Bans: networks that may not connect to services with passwords. Table `ban`; each thread keeps those in force in memory. */
import type { Clock } from '../../base/mod.ts'
import type { Db, Tx } from '../../io/db/mod.ts'
import { type Network, parseNetwork, printNetwork } from './networks.ts'

/** A ban by another thread or the command line holds this much later at the most. */
const FRESH_MS = 50
/** Rows; beyond, those that end first give way. */
const BANS_MAX = 20_000
/** Who is banned again within so long is banned for longer. */
const REMEMBERED_MS = 7 * 86_400_000
/** Doubling ends here at the latest. */
const DOUBLINGS_MAX = 20

export interface Ban {
  readonly network: string
  readonly untilMs: number
  readonly sinceMs: number
  /** How often, lately. */
  readonly times: number
  /** An operator's. */
  readonly byHand: boolean
  readonly reason: string
}

export interface BanTimes {
  readonly firstMs: number
  readonly mostMs: number
}

export class Bans {
  readonly #db: Db
  readonly #clock: Clock
  #version = -1
  #freshUntil = 0
  readonly #until = new Map<string, number>()
  /** Lengths of networks that are banned, so that an address asks for those alone. */
  readonly #lengths = new Map<string, Pick<Network, 'bits' | 'length'>>()

  constructor(db: Db, clock: Clock) {
    this.#db = db
    this.#clock = clock
  }

  holds(address: string): boolean {
    this.#refresh()
    if (this.#until.size === 0) return false
    const now = this.#clock.now()
    for (const { bits, length } of this.#lengths.values()) {
      const network = parseNetwork(`${address}/${length}`)
      if (network?.bits === bits && (this.#until.get(printNetwork(network)) ?? 0) > now) return true
    }
    return false
  }

  /** Those in force, the latest first. */
  list(): Ban[] {
    return this.#db.read
      .sql(
        'SELECT network, until_ms, since_ms, times, by_hand, reason FROM ban WHERE until_ms > ? ORDER BY since_ms DESC, network',
      )
      .all(this.#clock.now())
      .map(([network, untilMs, sinceMs, times, byHand, reason]) => ({
        network: String(network),
        untilMs: Number(untilMs),
        sinceMs: Number(sinceMs),
        times: Number(times),
        byHand: byHand === 1,
        reason: String(reason),
      }))
  }

  /** Bans for longer each time; answers for how long, undefined where it was banned already. */
  punish(network: string, times: BanTimes, reason: string): Promise<number | undefined> {
    const now = this.#clock.now()
    return this.#change((tx, version) => {
      const row = tx.sql('SELECT until_ms, since_ms, times FROM ban WHERE network = ?').get(network)
      const [untilMs = 0, sinceMs = 0, before = 0] = (row ?? []).map(Number)
      if (untilMs > now) return undefined
      const isRemembered = row !== undefined && Math.max(untilMs, sinceMs) + REMEMBERED_MS > now
      const count = isRemembered ? before + 1 : 1
      const lengthMs = Math.min(times.mostMs, times.firstMs * 2 ** Math.min(count - 1, DOUBLINGS_MAX))
      put(tx, { network, untilMs: now + lengthMs, sinceMs: now, times: count, byHand: false, reason }, version)
      this.#prune(tx, now)
      return lengthMs
    })
  }

  /** An operator's word. */
  async add(network: string, untilMs: number, reason: string): Promise<void> {
    const sinceMs = this.#clock.now()
    await this.#change((tx, version) => put(tx, { network, untilMs, sinceMs, times: 0, byHand: true, reason }, version))
    await this.#db.syncWal()
  }

  /** False: it was not banned. It is forgotten that it was. */
  async remove(network: string): Promise<boolean> {
    const now = this.#clock.now()
    const isLifted = await this.#change(
      (tx, version) =>
        tx
          .sql('UPDATE ban SET until_ms = 0, since_ms = 0, times = 0, version = ? WHERE network = ? AND until_ms > ?')
          .run(version, network, now).changes > 0,
    )
    await this.#db.syncWal()
    return isLifted
  }

  async #change<T>(work: (tx: Tx, version: number) => T): Promise<T> {
    const result = await this.#db.write((tx) => {
      const version = Number(tx.sql('UPDATE ban_version SET version = version + 1 RETURNING version').get()?.[0])
      return work(tx, version)
    })
    this.#freshUntil = 0
    return result
  }

  #prune(tx: Tx, now: number): void {
    tx.sql('DELETE FROM ban WHERE until_ms < ?').run(now - REMEMBERED_MS)
    const over = Number(tx.sql('SELECT count(*) FROM ban').get()?.[0]) - BANS_MAX
    if (over <= 0) return
    // Threads that know of them let them end by the clock.
    tx.sql(
      'DELETE FROM ban WHERE network IN (SELECT network FROM ban WHERE by_hand = 0 ORDER BY until_ms LIMIT ?)',
    ).run(over)
  }

  #refresh(): void {
    const now = performance.now()
    if (now < this.#freshUntil) return
    this.#freshUntil = now + FRESH_MS
    const version = Number(this.#db.read.sql('SELECT version FROM ban_version WHERE one = 1').get()?.[0])
    if (version === this.#version) return
    const rows = this.#db.read.sql('SELECT network, until_ms FROM ban WHERE version > ?').all(this.#version)
    for (const [network, untilMs] of rows) this.#learn(String(network), Number(untilMs))
    this.#version = version
    if (this.#until.size > BANS_MAX) this.#forgetEnded()
  }

  #learn(network: string, untilMs: number): void {
    if (untilMs === 0) return void this.#until.delete(network)
    this.#until.set(network, untilMs)
    const { bits, length } = parseNetwork(network) ?? {}
    if (bits !== undefined && length !== undefined) this.#lengths.set(`${bits}/${length}`, { bits, length })
  }

  #forgetEnded(): void {
    const now = this.#clock.now()
    for (const [network, untilMs] of this.#until) if (untilMs <= now) this.#until.delete(network)
  }
}

function put(tx: Tx, ban: Ban, version: number): void {
  tx.sql(
    'INSERT OR REPLACE INTO ban (network, until_ms, since_ms, times, by_hand, reason, version) VALUES (?, ?, ?, ?, ?, ?, ?)',
  ).run(ban.network, ban.untilMs, ban.sinceMs, ban.times, ban.byHand ? 1 : 0, ban.reason, version)
}
