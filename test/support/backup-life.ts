/**
 * A data directory in which mail comes and goes, segments are small, and upkeep writes them together and removes them all the while:
 * what a backup has to hold its own against.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { systemClock } from '#src/base/mod.ts'
import { SegmentLog } from '#src/io/blobs/mod.ts'
import { parseValue } from '#src/io/config/mod.ts'
import { BackedMail } from '#src/main/backup/backed-mail.ts'
import type { BackupJob } from '#src/main/backup/backup.ts'
import { Backups } from '#src/main/backup/control.ts'
import { chooseGeneration, readManifest } from '#src/main/backup/manifest.ts'
import { verifyGeneration } from '#src/main/backup/verify.ts'
import { makeDataDirectory } from '#src/main/server/data-dir.ts'
import { openMailDatabase } from '#src/main/server/database.ts'
import { Upkeep } from '#src/main/server/upkeep.ts'
import {
  ChangeFeed,
  createAnalyser,
  createStore,
  FEED_OCTETS,
  type Store,
  storeParams,
  type StoreSettings,
} from '#src/mail/store/mod.ts'
import { directory } from './commands.ts'
import { until } from './mailbox.ts'
import { pathsUnder } from './mail-data.ts'

const ACCOUNT = 1
const SEGMENT_OCTETS = 30_000
const TEXT = 'text of it\r\n'.repeat(100)

export class BackupLife {
  /** Where backups go. */
  readonly dir: string
  readonly data: BackupJob['data']
  /** Subjects of messages that stay, once they are acknowledged. */
  readonly kept: string[] = []
  /** Segments that were removed. */
  died = 0
  readonly #store: Store
  readonly #upkeep: Upkeep
  readonly #segments: () => number
  #n = 0
  #stopped = false
  #going: Promise<void> | undefined

  private constructor(
    dir: string,
    data: BackupJob['data'],
    parts: { store: Store; upkeep: Upkeep; segments: () => number },
  ) {
    this.dir = dir
    this.data = data
    this.#store = parts.store
    this.#upkeep = parts.upkeep
    this.#segments = parts.segments
  }

  static async begin(t: TestContext): Promise<BackupLife> {
    const paths = pathsUnder(directory(t))
    makeDataDirectory(paths)
    const db = openMailDatabase(paths.database)
    await db.write((tx) =>
      tx.sql("INSERT INTO account (id, domain, local_part, created_ms) VALUES (1, '', 'ana', 0)").run(),
    )
    const log = new SegmentLog({
      dir: paths.log,
      db,
      clock: systemClock,
      memoryLimit: 1 << 22,
      segmentLimit: SEGMENT_OCTETS,
    })
    const values = Object.entries(storeParams).map(([name, spec]) => [name, parseValue(name, spec.default, spec)])
    const settings = { ...(Object.fromEntries(values) as StoreSettings), expunged_retention: 0 } // each by its own spec
    const feed = new ChangeFeed(new SharedArrayBuffer(FEED_OCTETS))
    const store = createStore({ db, log, feed, clock: systemClock, settings, analyser: createAnalyser })
    await store.provision(ACCOUNT)
    const upkeep = new Upkeep({ db, log, clock: systemClock, dir: paths.log, settings })
    const backups = new Backups(paths, systemClock)
    const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
    const data = { paths, owner, ask: (request: { command: string }) => Promise.resolve(backups.answer(request)) }
    const segments = (): number => Number(db.read.sql('SELECT count(*) FROM segment').get()?.[0])
    const life = new BackupLife(directory(t), data, { store, upkeep, segments })
    await life.#round()
    t.after(async () => {
      await life.end()
      await backups.stop()
      await upkeep.stop()
      await log.close()
      db.close()
    })
    life.#going = life.#run()
    return life
  }

  async end(): Promise<void> {
    this.#stopped = true
    await this.#going
  }

  /** Waits until upkeep has removed a segment more: nobody holds them now. */
  async untilMoreDied(): Promise<void> {
    const before = this.died
    await until('a segment dies', () => this.died > before)
  }

  /** The last backup is whole, and these messages are in it. */
  check(kept: readonly string[]): void {
    const generation = chooseGeneration(this.dir, undefined)
    const manifest = readManifest(this.dir, generation)
    const at = join(this.dir, 'generations', generation)
    assert.deepEqual(verifyGeneration(manifest, { dir: this.dir, at, tick: () => {} }).problems, [])
    const mail = new BackedMail(this.dir, generation, 'ana')
    const found = new Set<string>()
    for (const mailbox of mail.mailboxes({}))
      for (const item of mail.items(mailbox, {}))
        found.add(/Subject: (.*)\r\n/.exec(mail.content(item).toString('latin1'))?.[1] ?? '')
    mail.close()
    assert.deepEqual(
      kept.filter((subject) => !found.has(subject)),
      [],
    )
  }

  async #run(): Promise<void> {
    while (!this.#stopped) await this.#round()
  }

  /** Of ten messages one stays. */
  async #round(): Promise<void> {
    await Promise.all(Array.from({ length: 30 }, () => this.#append()))
    const inbox = await this.#store.select(ACCOUNT, 'INBOX', { readOnly: false })
    assert.ok(!('refused' in inbox))
    await inbox.expunge()
    inbox.close()
    const before = this.#segments()
    await this.#upkeep.tidy()
    this.died += Math.max(0, before - this.#segments())
    await new Promise(setImmediate)
  }

  async #append(): Promise<void> {
    const n = this.#n++
    const stays = n % 10 === 0
    const octets = Buffer.from(`Subject: ${n}\r\n\r\n${TEXT}`)
    const options = { sizeOctets: octets.length, flags: stays ? [] : ['\\Deleted'] }
    const made = await this.#store.append(ACCOUNT, 'INBOX', [octets], options)
    assert.ok('uid' in made)
    if (stays) this.kept.push(String(n))
  }
}
