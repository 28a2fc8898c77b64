/**
 * All of a data directory read and compared with itself: the database by SQLite and by what we know of our rows, the log by its
 * sums, and each with the other. It writes nothing, and works beside a server: each step looks at one state of the database.
 */
import { existsSync } from 'node:fs'
import { type Db, isDamaged, type Reader } from '../../io/db/mod.ts'
import { checkCredentials } from '../../mail/accounts/mod.ts'
import { checkMailboxes, checkMessages, checkPacked, type StoreFinding } from '../../mail/store/mod.ts'
import type { DataPaths } from '../server/data-dir.ts'
import { mailSchemas, openMailDatabase } from '../server/database.ts'
import { checkTables } from './table-check.ts'
import { checkLog, type LogFinding } from './log-check.ts'

export interface Finding extends StoreFinding, Pick<Partial<LogFinding>, 'segment' | 'offset' | 'queueId'> {
  /** What people know the account and the mailbox by, as far as it can be said. */
  readonly accountName?: string | undefined
  readonly mailboxName?: string | undefined
}

export interface VerifyReport {
  readonly findings: number
  readonly accounts: number
  readonly mailboxes: number
  readonly messages: number
  readonly queued: number
  readonly segments: number
  readonly records: number
  readonly octets: number
}

export interface VerifyOptions {
  readonly paths: DataPaths
  readonly onFinding: (finding: Finding) => void
  readonly onProgress?: (what: string, done: number, expected: number) => void
}

/** The tables are of another version: what is said of them would be wrong. */
export class OtherVersionError extends Error {}

/** Rows that SQLite's own check answers at the most. */
const INTEGRITY_ROWS = 100

export function verify(options: VerifyOptions): VerifyReport {
  const { paths } = options
  let findings = 0
  const tell = (finding: Finding): void => {
    findings++
    options.onFinding(finding)
  }
  const counts = { accounts: 0, mailboxes: 0, messages: 0, queued: 0, segments: 0, records: 0, octets: 0 }
  if (!existsSync(paths.database)) tell({ text: `${paths.database} is missing` })
  else {
    const opened = openDamaged(paths.database, tell)
    if (opened !== undefined)
      try {
        new Verification({ ...options, onFinding: tell }, opened, counts).run()
      } finally {
        opened.close()
      }
  }
  return { ...counts, findings }
}

function openDamaged(path: string, tell: (finding: Finding) => void): Db | undefined {
  let db: Db | undefined
  try {
    db = openMailDatabase(path, { readOnly: true })
    checkVersion(db.read)
    return db
  } catch (error) {
    db?.close()
    if (!isDamaged(error)) throw error
    tell({ text: `the database cannot be read: ${messageOf(error)}` })
    return undefined
  }
}

function checkVersion(reader: Reader): void {
  for (const { room, steps } of mailSchemas) {
    const done = Number(reader.sql('SELECT steps FROM schema_step WHERE room = ?').get(room)?.[0] ?? 0)
    if (done !== steps.length)
      throw new OtherVersionError(
        `the tables of ${room} are at step ${done}, this program knows ${steps.length}: start the server once with this version, then ask again`,
      )
  }
}

type Counts = { -readonly [K in Exclude<keyof VerifyReport, 'findings'>]: number }

class Verification {
  readonly #o: VerifyOptions
  readonly #reader: Reader
  readonly #counts: Counts

  constructor(options: VerifyOptions, db: Db, counts: Counts) {
    this.#o = options
    this.#reader = db.read
    this.#counts = counts
  }

  run(): void {
    const steps: readonly (readonly [string, () => void])[] = [
      ['the database', () => this.#integrity()],
      ['the tables', () => checkTables(this.#reader, (text) => this.#tell({ text }))],
      ['how much there is', () => this.#count()],
      ['mailboxes', () => this.#mailboxes()],
      ['messages', () => this.#messages()],
      ['passwords', () => this.#credentials()],
      ['the message log', () => this.#log()],
    ]
    for (const [what, step] of steps) {
      try {
        step()
      } catch (error) {
        // A damaged page ends a step where it meets it; the others still say what they find.
        if (!isDamaged(error) && !(error instanceof RangeError) && !(error instanceof TypeError)) throw error
        this.#tell({ text: `${what} cannot be read to the end: ${messageOf(error)}` })
      }
    }
  }

  /** All pages, all indices against their tables, all constraints. */
  #integrity(): void {
    this.#o.onProgress?.('SQLite looks through the database', 0, 1)
    for (const [text] of this.#reader.sql(`PRAGMA integrity_check(${INTEGRITY_ROWS})`).all())
      if (text !== 'ok') this.#tell({ text: `database: ${String(text)}` })
    for (const [table, rowid, parent] of this.#reader.sql('PRAGMA foreign_key_check').all())
      this.#tell({
        text: `database: row ${String(rowid)} of ${String(table)} belongs to a row of ${String(parent)} that is not there`,
      })
  }

  #count(): void {
    const of = (sql: string): number => Number(this.#reader.sql(sql).get()?.[0])
    this.#counts.accounts = of('SELECT count(*) FROM account')
    this.#counts.mailboxes = of('SELECT count(*) FROM mailbox WHERE name IS NOT NULL')
    this.#counts.messages = of('SELECT count(*) FROM message')
    this.#counts.queued = of('SELECT count(*) FROM queue_message')
  }

  #check(what: string): Parameters<typeof checkMailboxes>[0] {
    return {
      reader: this.#reader,
      onFinding: (finding) => this.#tell(finding),
      onProgress: (done) => this.#o.onProgress?.(what, done, this.#counts.messages),
    }
  }

  #mailboxes(): void {
    checkMailboxes(this.#check('messages in mailboxes'))
  }

  #messages(): void {
    checkMessages(this.#check('rows of messages'))
    checkPacked(this.#check('rows of messages'))
  }

  #credentials(): void {
    checkCredentials(this.#reader, this.#o.paths.key, (finding) => this.#tell(finding))
  }

  #log(): void {
    const all = Number(this.#reader.sql("SELECT sum(watermark) FROM segment WHERE state <> 'dead'").get()?.[0] ?? 0)
    const mib = (octets: number): number => Math.floor(octets / 1024 ** 2)
    const counts = checkLog({
      reader: this.#reader,
      dir: this.#o.paths.log,
      onFinding: (finding) => this.#tell(finding),
      onProgress: (octets) => this.#o.onProgress?.('MiB of the message log', mib(octets), mib(all)),
    })
    Object.assign(this.#counts, counts)
  }

  #tell(finding: Finding): void {
    this.#o.onFinding({ ...finding, ...this.#named(finding) })
  }

  /** Names help people; what cannot be read for one has none. */
  #named({ account, mailbox }: Finding): Pick<Finding, 'accountName' | 'mailboxName'> {
    try {
      const box =
        mailbox === undefined
          ? undefined
          : this.#reader.sql('SELECT name, account FROM mailbox WHERE id = ?').get(mailbox)
      const owner = account ?? (box === undefined ? undefined : Number(box[1]))
      const row =
        owner === undefined
          ? undefined
          : this.#reader.sql('SELECT local_part, domain FROM account WHERE id = ?').get(owner)
      return {
        mailboxName: typeof box?.[0] === 'string' ? box[0] : undefined,
        accountName: row && (row[1] === '' ? String(row[0]) : `${String(row[0])}@${String(row[1])}`),
      }
    } catch {
      return {}
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
