/**
 * A database put together anew from one that is damaged, from the last whole snapshot and from the message log. The damaged one is never
 * written to, and kept. Stopped anywhere and run again it comes to the same end.
 */
import { existsSync, mkdirSync, rmSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '#src/base/mod.ts'
import { SegmentLog } from '../../io/blobs/mod.ts'
import { type Config, splitList } from '../../io/config/mod.ts'
import { type SqliteDb, takeServerLock } from '../../io/db/mod.ts'
import { QueueStore } from '../../mail/queue/mod.ts'
import {
  afterPowerCut,
  ChangeFeed,
  createStore,
  DROP_MENDING_INDICES,
  FEED_OCTETS,
  mendAccounts,
  type Mending,
  mendMailboxes,
  mendMessages,
  mendThreads,
  storeParams,
} from '../../mail/store/mod.ts'
import type { DataPaths } from '../server/data-dir.ts'
import { openMailDatabase } from '../server/database.ts'
import { analyse } from '../server/recovery.ts'
import { verify, type VerifyReport } from '../verify/verify.ts'
import { mendAccountRows } from './accounts.ts'
import { type FromLogReport, recoverFromLog } from './from-log.ts'
import { gather, type Gathered } from './gather.ts'
import { DROP_TABLES, rereadFrom, surveyLog } from './log-records.ts'
import type { RepairNote } from './notes.ts'
import { mendPositions } from './positions.ts'
import { mendSegments } from './segments.ts'
import { beginWork, endWork, finishWork, markReady, type RepairWork, repairWork, roomWanted } from './work.ts'

export interface RepairOptions {
  readonly config: Config
  readonly paths: DataPaths
  /** Says what would be done, and leaves everything as it is. */
  readonly isDry: boolean
  readonly nowMs: number
  /** Beginning of a line that is about one message, mailbox or account; what is known of names is in the new database. */
  readonly onNote: (note: RepairNote & { readonly accountName?: string; readonly mailboxName?: string }) => void
  readonly onProgress?: (what: string, done: number, expected: number) => void
}

export interface RepairReport extends FromLogReport {
  /** Where the damaged database is kept; undefined in a dry run, and where an earlier repair was only ended. */
  readonly kept: string | undefined
  /** An earlier repair had done all but the last step. */
  readonly isEnded?: true
  readonly snapshot?: string | undefined
  readonly rows: number
  readonly snapshotRows: number
  /** Entries of mailboxes whose message is not known any more. */
  readonly lost: number
  /** Entries of mailboxes made anew. */
  readonly entries: number
  readonly moved: number
  readonly contentGone: number
  readonly accounts: number
  readonly after?: VerifyReport
}

/** The disk has no room for a second database. */
export class NoRoomError extends Error {}

/** Throws ServerRunsError, NoRoomError. */
export async function repair(options: RepairOptions): Promise<RepairReport> {
  const { paths } = options
  const work = repairWork(paths)
  mkdirSync(paths.log, { recursive: true, mode: 0o700 })
  const guard = join(paths.dir, 'repair.lock') // the damaged database may not be one that SQLite opens
  const lock = takeServerLock(paths.dir, guard)
  try {
    const kept = options.isDry ? undefined : finishWork(paths, work)
    if (kept !== undefined) return { ...NOTHING, kept, isEnded: true }
    beginWork(work)
    const report = await putTogether(options, work).catch((error: unknown) => {
      endWork(work) // what was begun takes room, and is of no use
      throw error
    })
    if (options.isDry) {
      endWork(work)
      return report
    }
    markReady(paths, work, options.nowMs)
    return { ...report, kept: finishWork(paths, work) }
  } finally {
    lock.release()
    rmSync(guard, { force: true })
  }
}

const NOTHING: RepairReport = {
  kept: undefined,
  rows: 0,
  snapshotRows: 0,
  lost: 0,
  entries: 0,
  moved: 0,
  contentGone: 0,
  accounts: 0,
  recovered: 0,
  held: 0,
}

async function putTogether(options: RepairOptions, work: RepairWork): Promise<RepairReport> {
  const { paths, onProgress } = options
  checkRoom(paths, undefined)
  const gathered = gather({
    paths,
    work,
    onNote: (text) => options.onNote({ text }),
    onProgress: (done, expected) => onProgress?.('pages of the database', done, expected),
  })
  checkRoom(paths, gathered.snapshot)
  const db = openMailDatabase(work.target)
  const snapshot = gathered.snapshot === undefined ? undefined : openMailDatabase(gathered.snapshot, { readOnly: true })
  try {
    const report = await new Assembly(options, gathered, db, snapshot).run()
    db.checkpoint()
    return report
  } finally {
    snapshot?.close()
    db.close()
  }
}

function checkRoom(paths: DataPaths, snapshot: string | undefined): void {
  const { bavail, bsize } = statfsSync(paths.dir)
  const wanted = roomWanted(paths, snapshot)
  if (bavail * bsize < wanted)
    throw new NoRoomError(`${paths.dir} needs ${Math.ceil(wanted / 1024 ** 2)} MiB free for a second database`)
}

/** Tables that say what has come of the log. Where all of them are whole, the next start goes on from their watermarks. */
const ACTED =
  /^(?:segment|message|placement|mailbox|mailbox_page|expunged|account|account_state|queue_message|queue_recipient)$/

class Assembly {
  readonly #o: RepairOptions
  readonly #g: Gathered
  readonly #db: SqliteDb
  readonly #snapshot: SqliteDb | undefined

  constructor(options: RepairOptions, gathered: Gathered, db: SqliteDb, snapshot: SqliteDb | undefined) {
    this.#o = options
    this.#g = gathered
    this.#db = db
    this.#snapshot = snapshot
  }

  async run(): Promise<RepairReport> {
    const { damaged, isFromSnapshot, rows, snapshotRows } = this.#g
    const { paths, nowMs } = this.#o
    const survey = await surveyLog(this.#db, paths.log, {
      onNote: (text) => this.#note({ text }),
      onProgress: (octets) => this.#progress('MiB of the log looked at', octets),
    })
    const mending = this.#mending()
    const mendedRows = await mendMessages(mending, rereadFrom(paths.log, analyse))
    const mended = await mendMailboxes(mending)
    const accounts = await mendAccountRows(this.#db, {
      names: survey.names,
      isLocal: isLocalIn(this.#o.config),
      nowMs,
      all: isFromSnapshot || damaged.has('account'),
      onNote: (note) => this.#note(note),
    })
    await mendAccounts(mending)
    const positions = await mendPositions(this.#db, (note) => this.#note(note))
    if (damaged.has('thread_link') || damaged.has('message') || mendedRows + mended.lost > 0) await mendThreads(mending)
    await this.#db.write((tx) => afterPowerCut(tx))
    const acted = isFromSnapshot || mended.lost > 0 || [...damaged].some((table) => ACTED.test(table))
    const fromLog = acted ? await this.#fromLog(mended.lost) : { recovered: 0, held: 0 }
    await mendSegments(this.#db, paths.log, acted)
    await this.#tidy()
    const { found: moved, gone: contentGone } = positions
    const counts = {
      rows,
      snapshotRows: snapshotRows + mended.fromSnapshot,
      lost: mended.lost,
      entries: mended.entries,
    }
    return {
      ...NOTHING,
      ...counts,
      snapshot: this.#g.snapshot,
      accounts,
      moved,
      contentGone,
      ...fromLog,
      after: this.#verify(),
    }
  }

  #mending(): Mending {
    return {
      db: this.#db,
      snapshot: this.#snapshot?.read,
      damaged: this.#g.damaged,
      nowMs: this.#o.nowMs,
      onNote: (note) => this.#note(note),
      onProgress: (done) => this.#o.onProgress?.('mailboxes', done, done),
    }
  }

  async #fromLog(lost: number): Promise<FromLogReport> {
    const { damaged, isFromSnapshot } = this.#g
    const { config, paths } = this.#o
    const log = new SegmentLog({ dir: paths.log, db: this.#db, memoryLimit: 1024 * 1024 })
    const feed = new ChangeFeed(new SharedArrayBuffer(FEED_OCTETS))
    const store = createStore({ db: this.#db, log, feed, clock: systemClock, settings: config.bind(storeParams) })
    try {
      return await recoverFromLog({
        db: this.#db,
        dir: paths.log,
        store,
        queue: new QueueStore(this.#db, log),
        snapshot: this.#snapshot?.read,
        accountOf: (address) => accountIn(this.#db, isLocalIn(config), address),
        isFromSnapshot,
        hasSegments: !damaged.has('segment') && !damaged.has('segment_given'),
        mail: isFromSnapshot || lost > 0 || (damaged.has('message') && damaged.has('mailbox_page')),
        mailboxes: damaged.has('mailbox_page') && !isFromSnapshot,
        queued: damaged.has('queue_message') || damaged.has('queue_recipient'),
        onProgress: (octets) => this.#progress('MiB of the log searched for lost mail', octets),
      })
    } finally {
      await log.close()
    }
  }

  /** What served the repair alone goes, and what belongs to rows that are gone. */
  async #tidy(): Promise<void> {
    await this.#db.write((tx) => {
      for (const sql of [...DROP_TABLES, ...DROP_MENDING_INDICES.split(';').filter((one) => one.trim() !== '')])
        tx.sql(sql).run()
      tx.sql('DELETE FROM placement WHERE message NOT IN (SELECT id FROM message)').run()
      tx.sql('DELETE FROM queue_recipient WHERE message NOT IN (SELECT id FROM queue_message)').run()
      tx.sql('DELETE FROM queue_message WHERE id NOT IN (SELECT message FROM queue_recipient)').run()
    })
  }

  /** The new database, looked at as any other. */
  #verify(): VerifyReport {
    const { paths } = this.#o
    const database = repairWork(paths).target
    return verify({
      paths: { ...paths, database },
      onFinding: (finding) => this.#o.onNote({ ...finding, text: `after the repair: ${finding.text}` } as RepairNote),
    })
  }

  #note(note: RepairNote): void {
    const box =
      note.mailbox === undefined
        ? undefined
        : this.#db.read.sql('SELECT name, account FROM mailbox WHERE id = ?').get(note.mailbox)
    const owner = note.account ?? box?.[1]
    const account =
      owner === undefined || owner === null
        ? undefined
        : this.#db.read.sql('SELECT local_part, domain FROM account WHERE id = ?').get(owner)
    this.#o.onNote({
      ...note,
      ...(typeof box?.[0] === 'string' && { mailboxName: box[0] }),
      ...(account && {
        accountName: account[1] === '' ? String(account[0]) : `${String(account[0])}@${String(account[1])}`,
      }),
    })
  }

  #progress(what: string, octets: number): void {
    const mib = Math.floor(octets / 1024 ** 2)
    this.#o.onProgress?.(what, mib, mib)
  }
}

function isLocalIn(config: Config): (domain: string) => boolean {
  const local = new Set(splitList(config.value('mydestination') ?? '').map((word) => word.toLowerCase()))
  return (domain) => local.has(domain)
}

function accountIn(db: SqliteDb, isLocal: (domain: string) => boolean, address: string): number | undefined {
  const at = address.lastIndexOf('@')
  const domain = at < 0 ? '' : address.slice(at + 1).toLowerCase()
  const row = db.read
    .sql('SELECT id FROM account WHERE local_part = ? AND domain = ?')
    .get(address.slice(0, at < 0 ? undefined : at).toLowerCase(), isLocal(domain) ? '' : domain)
  return row === undefined ? undefined : Number(row[0])
}

/** There is nothing to put together from. */
export function isEmpty({ database, log }: DataPaths): boolean {
  return !existsSync(database) && !existsSync(log)
}
