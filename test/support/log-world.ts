/**
 * A small server around the message log and the database, on a disk that a test pulls the plug of: clients send messages
 * and retry whatever got no final reply; between any two operations the process may be killed or the power cut; then it starts
 * anew on what is left. `check` says what of the promises was broken.
 */
import { copyFileSync, mkdirSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { manualClock } from '#src/base/mod.ts'
import {
  compactSegments,
  type ContentOwner,
  LogBrokenError,
  LogFailedError,
  LogFullError,
  logSchema,
  type Position,
  reapDeadSegments,
  recover,
  releaseContent,
  type Replay,
  retainContent,
  SegmentLog,
} from '#src/io/blobs/mod.ts'
import { beginRun, lastRun, openDatabase, type Schema, type SqliteDb, type Tx } from '#src/io/db/mod.ts'
import { Life, type LifeSettings } from './log-life.ts'
import type { Random } from './random.ts'
import { UnsafeDisk } from './unsafe-disk.ts'

const DIR = 'log'
/** What UIDNEXT rises by after a power cut (rule 7). */
const UID_MARGIN = 100_000

const schema: Schema = {
  room: 'world',
  steps: [
    `CREATE TABLE entry (attempt TEXT, uid INTEGER, segment INTEGER, "offset" INTEGER, length INTEGER, crc INTEGER) STRICT;
     CREATE TABLE counter (uid_next INTEGER) STRICT;
     INSERT INTO counter VALUES (1)`,
  ],
}

/** One try to send one message; a retry is another. */
export interface Attempt {
  readonly name: string
  readonly content: Buffer
  readonly spooled: boolean
  /** Its consequence throws: a defect that must harm nobody else. */
  readonly poison: boolean
  outcome: 'none' | 'accepted' | 'refused' | 'lost' | 'deleted'
  uid: number
}

export class LogWorld {
  readonly #dir: string
  readonly #random: Random
  readonly disk: UnsafeDisk
  readonly attempts: Attempt[] = []
  #waiting: Attempt[] = []
  /** UIDs that a client was told, and whose they are. */
  readonly #told = new Map<number, string>()
  readonly problems: string[] = []
  /** What the last start decided: which tries have a row. It stands, unless the client deletes. */
  #decided = new Map<string, boolean>()
  #lives = 0
  #boot = 0

  constructor(dir: string, random: Random) {
    this.#dir = dir
    this.#random = random
    this.disk = new UnsafeDisk(random)
  }

  /** A message that a client wants to send. */
  send(content: Buffer, options: { readonly spooled?: boolean; readonly poison?: boolean } = {}): void {
    const { spooled = false, poison = false } = options
    const name = `m${this.attempts.length}.0`
    this.#try({ name, content, spooled, poison, outcome: 'none', uid: 0 })
  }

  get unanswered(): number {
    return this.#waiting.length
  }

  #try(attempt: Attempt): void {
    this.attempts.push(attempt)
    this.#waiting.push(attempt)
  }

  /** Starts a process, lets clients send, ends it. True: it was cut short. */
  async live(settings: LifeSettings): Promise<boolean> {
    const db = this.#openDatabase()
    const life = new Life(this.disk, db, this.#random, settings)
    life.db.durableWal = this.#lives === 1 ? life.db.walLength() : this.#durableAtStart
    await Promise.race([this.#run(life, settings), life.ended])
    const waiting = new Set(this.#waiting)
    const tried = this.attempts.filter((attempt) => attempt.outcome === 'none' && !waiting.has(attempt))
    for (const attempt of tried) this.#lost(attempt)
    if (settings.end === 'stop' && !life.over) await Promise.all(life.logs.map((log) => log.close()))
    const cutShort = life.over
    life.over = true
    life.db.freeze()
    this.#leave(life, settings.end)
    db.close()
    return cutShort
  }

  #durableAtStart = 0

  #path(life: number): string {
    return join(this.#dir, `life-${life}`, 'mail.db')
  }

  #openDatabase(): SqliteDb {
    this.#lives++
    mkdirSync(join(this.#dir, `life-${this.#lives}`), { recursive: true })
    return openDatabase({ path: this.#path(this.#lives), schemas: [logSchema, schema] })
  }

  /** What the next life finds: the files as they were when the process ended, or as the power cut left them. */
  #leave(life: Life, end: LifeSettings['end']): void {
    const [from, to] = [this.#path(this.#lives), this.#path(this.#lives + 1)]
    mkdirSync(join(this.#dir, `life-${this.#lives + 1}`), { recursive: true })
    copyFileSync(from, to)
    copyFileSync(`${from}-wal`, `${to}-wal`)
    const written = life.db.writtenWal ?? 0
    let kept = written
    if (end === 'power-cut') {
      this.#boot++
      this.disk.cutPower()
      kept = life.db.durableWal + this.#random.below(written - life.db.durableWal + 1)
    }
    truncateSync(`${to}-wal`, kept)
    this.#durableAtStart = end === 'power-cut' ? kept : life.db.durableWal
  }

  async #run(life: Life, settings: LifeSettings): Promise<void> {
    try {
      const { faults } = this.disk
      this.disk.faults = { full: 0, sync: 0, truncate: 0 } // a start that fails is tried again until it does not
      await this.#start(life, settings)
      this.disk.faults = faults
      const clients = this.#waiting.splice(0).map((attempt) => this.#client(life, attempt))
      await Promise.all([...clients, this.#upkeep(life)])
    } catch (error) {
      if (!life.over) throw error
    }
  }

  async #start(life: Life, settings: LifeSettings): Promise<void> {
    const boot = `boot ${this.#boot}`
    // The world copies the files of the database from life to life, so the file's identity is not asked.
    const known = life.db.read.sql("SELECT value FROM server_state WHERE key = 'boot'").get()?.[0]
    const sameBoot = known === boot
    if (!sameBoot && lastRun(life.db.db).ended !== 'first') {
      await life.db.write((tx) => tx.sql('UPDATE counter SET uid_next = uid_next + ?').run(UID_MARGIN))
    }
    const replay: Replay = (tx, record) => {
      const { facts, at } = record
      const [name = '', crc = ''] = facts.toString().split(' ')
      if (crc32(record.read(0, at.length)) !== Number(crc)) this.problems.push(`${name}: replayed with other octets`)
      enter(tx, name, Number(crc), at)
    }
    await recover({
      dir: DIR,
      db: life.db,
      fs: life.fs,
      replay: { mail: replay, append: replay, moved: () => {} },
      sameBoot,
    })
    life.step()
    await beginRun(life.db.db, boot)
    life.db.durableWal = life.db.walLength()
    this.#checkEntries(life)
    for (let thread = 0; thread < settings.threads; thread++) life.logs.push(this.#openLog(life))
  }

  #openLog(life: Life): SegmentLog {
    return new SegmentLog({
      dir: DIR,
      db: life.db,
      fs: life.fs,
      clock: manualClock(),
      memoryLimit: 1_000_000,
      segmentLimit: 3000,
      onPoint: () => life.look(),
    })
  }

  async #client(life: Life, attempt: Attempt): Promise<void> {
    const log = life.logs[this.#random.below(life.logs.length)]
    if (log === undefined) return
    for (let pause = this.#random.below(20); pause > 0; pause--) await new Promise(setImmediate)
    try {
      attempt.uid = await this.#deliver(log, attempt)
      if (life.over) return
      attempt.outcome = 'accepted'
      this.#told.set(attempt.uid, attempt.name)
    } catch (error) {
      if (life.over) return
      if (error instanceof LogBrokenError) return life.stop() // no reply; the server must be started anew
      if (!(error instanceof LogFullError || error instanceof LogFailedError)) throw error
      attempt.outcome = 'refused'
      this.#again(attempt)
      return
    }
    if (this.#random.chance(0.6)) await this.#delete(life, attempt)
  }

  #deliver(log: SegmentLog, attempt: Attempt): Promise<number> {
    const draft = log.draft(attempt.spooled ? 8_000_000 : 0)
    const middle = this.#random.below(attempt.content.length)
    void draft.write(attempt.content.subarray(0, middle))
    void draft.write(attempt.content.subarray(middle))
    const crc = crc32(attempt.content)
    return log.commit('mail', draft, Buffer.from(`${attempt.name} ${crc}`), (tx, at) => {
      if (attempt.poison) throw new Error('a defect')
      return enter(tx, attempt.name, crc, at)
    })
  }

  async #delete(life: Life, attempt: Attempt): Promise<void> {
    try {
      await life.db.write((tx) => {
        const row = tx.sql('DELETE FROM entry WHERE attempt = ? RETURNING segment, "offset", length').get(attempt.name)
        const [segment, offset, length] = (row ?? []).map(Number)
        if (segment === undefined || offset === undefined || length === undefined) throw new Error('nothing to delete')
        // From here on it may be gone after a crash, whatever the reply.
        attempt.outcome = 'deleted'
        releaseContent(tx, { segment, offset, length })
      })
    } catch {
      // Not deleted, or nobody is there to know.
    }
  }

  async #upkeep(life: Life): Promise<void> {
    for (let i = 0; i < 4; i++) {
      for (let pause = this.#random.below(15); pause > 0; pause--) await new Promise(setImmediate)
      try {
        if (this.#random.chance(0.3)) await life.db.syncWal()
        const log = life.logs[0]
        const options = { db: life.db, fs: life.fs, dir: DIR, owners: [owner] }
        if (log !== undefined && this.#random.chance(0.5)) await compactSegments({ ...options, log })
        await reapDeadSegments(options)
      } catch {
        // Tried again at the next turn, or nobody is there to try.
      }
    }
  }

  #lost(attempt: Attempt): void {
    attempt.outcome = 'lost'
    this.#again(attempt)
  }

  #again(attempt: Attempt): void {
    if (attempt.poison) return
    const [message = '', n] = attempt.name.split('.')
    this.#try({ ...attempt, name: `${message}.${Number(n) + 1}`, outcome: 'none', uid: 0 })
    const retry = this.attempts.at(-1)
    if (retry !== undefined && this.#waiting.at(-1) !== retry) throw new Error('the retry is not waiting')
  }

  /** Every row can be read, belongs to a try that may have one, and has a UID that nobody else was told. */
  #checkEntries(life: Life): void {
    const log = this.#openLog(life)
    const seen = new Map<string, number>()
    for (const row of life.db.read.sql('SELECT attempt, uid, segment, "offset", length, crc FROM entry').all()) {
      const name = String(row[0])
      const [uid = 0, segment = 0, offset = 0, length = 0, crc = 0] = row.slice(1).map(Number)
      seen.set(name, (seen.get(name) ?? 0) + 1)
      const told = this.#told.get(uid)
      if (told !== undefined && told !== name) this.problems.push(`${name}: UID ${uid} was told for ${told}`)
      this.#readable(log, name, { segment, offset, length }, crc)
    }
    for (const attempt of this.attempts) this.#checkAttempt(attempt, seen.get(attempt.name) ?? 0)
  }

  #readable(log: SegmentLog, name: string, at: Position, crc: number): void {
    try {
      if (crc32(log.read(at, 0, at.length)) !== crc) this.problems.push(`${name}: other octets`)
    } catch (error) {
      this.problems.push(`${name}: ${String(error)}`)
    }
  }

  #checkAttempt({ name, outcome }: Attempt, rows: number): void {
    const decided = this.#decided.get(name)
    if (decided === true && rows === 0 && outcome !== 'deleted') this.problems.push(`${name}: vanished`)
    if (decided === false && rows > 0) this.problems.push(`${name}: came back`)
    if (outcome !== 'none') this.#decided.set(name, rows > 0)
    if (rows > 1) this.problems.push(`${name}: ${rows} times`)
    if (outcome === 'accepted' && rows === 0) this.problems.push(`${name}: accepted and missing`)
    if (outcome === 'refused' && rows > 0) this.problems.push(`${name}: refused and there`)
  }
}

const owner: ContentOwner = {
  nextSegment: () => undefined,
  positions: (reader, segment, fromOffset, limit) =>
    reader
      .sql('SELECT "offset", length FROM entry WHERE segment = ? AND "offset" >= ? ORDER BY "offset" LIMIT ?')
      .all(segment, fromOffset, limit)
      .map(([offset, length]) => ({ segment, offset: Number(offset), length: Number(length) })),
  move: (tx, from, to) =>
    tx
      .sql('UPDATE entry SET segment = ?, "offset" = ? WHERE segment = ? AND "offset" = ?')
      .run(to.segment, to.offset, from.segment, from.offset).changes,
}

function enter(tx: Tx, name: string, crc: number, at: Position): number {
  const uid = Number(tx.sql('UPDATE counter SET uid_next = uid_next + 1 RETURNING uid_next - 1').get()?.[0])
  const { segment, offset, length } = at
  tx.sql('INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?)').run(name, uid, segment, offset, length, crc)
  retainContent(tx, at)
  return uid
}
