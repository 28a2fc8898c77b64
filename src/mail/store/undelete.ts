/**
 * What was expunged, and mailboxes that were deleted, come back while upkeep has not let them go (`expunged_retention`): with new UIDs, for
 * clients were told that the old ones are gone. Flags but \Deleted, keywords and dates are as they were.
 */
import type { Reader, Tx } from '../../io/db/mod.ts'
import type { AccountId } from '../accounts/mod.ts'
import { addUsage, nextModSeq, UID_MARGIN } from './account-state.ts'
import { announce, sliceEnd, type StoreContext } from './context.ts'
import type { MailboxId, Refusal, Undeletable, Undeleted } from './contract.ts'
import { Entries } from './entries.ts'
import { translation } from './keyword-translation.ts'
import { DELETED, SEEN } from './keywords.ts'
import { emptyTally, mailboxById, mailboxByName, type MailboxRow, tallyAdded } from './mailbox-rows.ts'
import type { Mailboxes } from './mailboxes.ts'
import { movePlacement } from './message-rows.ts'
import { nameProblem } from './names.ts'
import { appendEntries, pageFrom, writePage } from './pages.ts'

/** Entries looked at between two looks at the clock. */
const CHUNK = 128
/** UIDs given before the sync line is waited for (rule 6 of the log). */
const UIDS_BEFORE_SYNC = UID_MARGIN / 8

const MAILBOXES = `SELECT id, coalesce(name, deleted_name), name IS NULL, deleted_at FROM mailbox
  WHERE account = ? AND coalesce(name, deleted_name) IS NOT NULL ORDER BY id`
const ROWS = `SELECT mod_seq, at, data FROM expunged
  WHERE mailbox = ? AND mod_seq > ? AND released >= 0 AND at >= ? ORDER BY mod_seq LIMIT 1`
const PLACES = `SELECT uid FROM message WHERE mailbox = ?1 AND id IN (SELECT value FROM json_each(?2))
  UNION ALL SELECT uid FROM placement WHERE mailbox = ?1 AND message IN (SELECT value FROM json_each(?2))`

interface Source {
  readonly id: MailboxId
  readonly name: string
  readonly isDeleted: boolean
  readonly deletedMs: number
}

export class Undelete {
  readonly #ctx: StoreContext
  readonly #mailboxes: Mailboxes
  readonly #hasRoom: (account: AccountId, octets: number, messages: number) => boolean

  constructor(
    ctx: StoreContext,
    mailboxes: Mailboxes,
    hasRoom: (account: AccountId, octets: number, messages: number) => boolean,
  ) {
    this.#ctx = ctx
    this.#mailboxes = mailboxes
    this.#hasRoom = hasRoom
  }

  /** By mailbox; a name may be there twice: a mailbox, and a deleted one. */
  list(account: AccountId, sinceMs: number): Undeletable[] {
    const reader = this.#ctx.db.read
    return sourcesOf(reader, account).flatMap((source) => {
      const { id, name: mailbox, isDeleted } = source
      const found = { id, mailbox, isDeleted, messages: 0, octets: 0, fromMs: Number.POSITIVE_INFINITY, toMs: 0 }
      const count = (entries: Entries, atMs: number): void => {
        if (entries.length === 0) return
        found.messages += entries.length
        for (const size of entries.size) found.octets += size
        found.fromMs = Math.min(found.fromMs, atMs)
        found.toMs = Math.max(found.toMs, atMs)
      }
      if (isKept(source, sinceMs))
        for (let page = pageFrom(reader, id, 0); page !== undefined; page = pageFrom(reader, id, page.firstUid + 1))
          count(page.entries, source.deletedMs)
      for (let row = nextRow(reader, id, 0, sinceMs); row !== undefined; row = nextRow(reader, id, row.modSeq, sinceMs))
        count(stillThere(reader, id, row.entries), row.atMs)
      return found.messages > 0 || isKept(source, sinceMs) ? [found] : []
    })
  }

  /** All that left a mailbox since then, and with a deleted one what was in it. Stopped anywhere, the rest can be asked for again. */
  async bringBack(account: AccountId, mailbox: MailboxId, sinceMs: number): Promise<Undeleted | Refusal> {
    const source = sourcesOf(this.#ctx.db.read, account).find(({ id }) => id === mailbox)
    if (source === undefined) return { refused: 'NONEXISTENT', text: 'There is nothing left of that mailbox' }
    const job: Job = { account, source, sinceMs, after: 0, from: 0, messages: 0, unsynced: 0 }
    for (;;) {
      const step = await this.#ctx.db.write((tx) => this.#slice(tx, job))
      if (step === 'done') return { mailbox: source.name, messages: job.messages }
      if (step !== 'more') return step
      if (job.unsynced < UIDS_BEFORE_SYNC) continue
      await this.#ctx.db.syncWal()
      job.unsynced = 0
    }
  }

  #slice(tx: Tx, job: Job): 'more' | 'done' | Refusal {
    const end = sliceEnd(this.#ctx)
    const refused = this.#makeTarget(tx, job)
    if (refused !== undefined) return refused
    do {
      const step = this.#step(tx, job)
      if (step !== 'more') return step
    } while (this.#ctx.clock.monotonic() < end)
    return 'more'
  }

  /** First the pages of a deleted mailbox, then what was expunged of it. */
  #step(tx: Tx, job: Job): 'more' | 'done' | Refusal {
    const { id } = job.source
    const page =
      isKept(job.source, job.sinceMs) && mailboxById(tx, id)?.name === undefined ? pageFrom(tx, id, 0) : undefined
    if (page !== undefined) {
      const refused = this.#give(tx, job, page.entries)
      if (refused !== undefined) return refused
      writePage(tx, page, Entries.ofLength(0), 0)
      return 'more'
    }
    const row = nextRow(tx, id, job.after, job.sinceMs)
    if (row === undefined) return 'done'
    const chunk = row.entries.pick(
      Array.from({ length: Math.min(CHUNK, row.entries.length - job.from) }, (_, i) => job.from + i),
    )
    const refused = this.#give(tx, job, stillThere(tx, id, chunk))
    if (refused !== undefined) return refused
    job.from += CHUNK
    if (job.from >= row.entries.length) {
      job.after = row.modSeq
      job.from = 0
    }
    return 'more'
  }

  #makeTarget(tx: Tx, { account, source }: Job): Refusal | undefined {
    const there = mailboxByName(tx, account, source.name)
    if (there?.selectable === true) return undefined
    const problem = nameProblem(source.name, this.#ctx.settings) ?? this.#mailboxes.tooMany(tx, account, source.name)
    if (problem !== undefined) return problem
    this.#mailboxes.makeWithParents(tx, account, source.name, nextModSeq(tx, account))
    announce(this.#ctx, tx, account)
    return undefined
  }

  /** Entries get their places, and UIDs behind all others. */
  #give(tx: Tx, job: Job, entries: Entries): Refusal | undefined {
    if (entries.length === 0) return undefined
    const { account, source } = job
    const octets = entries.size.reduce((sum, size) => sum + size, 0)
    if (!this.#hasRoom(account, octets, entries.length))
      return { refused: 'OVERQUOTA', text: 'The account has no room for it' }
    const modSeq = nextModSeq(tx, account)
    const target = mailboxByName(tx, account, source.name)
    const from = mailboxById(tx, source.id)
    if (target === undefined || from === undefined) return { refused: 'NONEXISTENT', text: 'The mailbox went away' }
    this.#place(tx, from, target, entries, modSeq)
    addUsage(tx, account, octets, entries.length)
    announce(this.#ctx, tx, account)
    job.messages += entries.length
    job.unsynced += entries.length
    return undefined
  }

  #place(tx: Tx, from: MailboxRow, target: MailboxRow, entries: Entries, modSeq: number): void {
    const translate = translation(tx, from, target, this.#ctx.settings.mailbox_keyword_limit)
    const added = entries.pick(Array.from(entries.uid, (_, i) => i))
    const now = this.#ctx.clock.now()
    const tally = emptyTally()
    for (let i = 0; i < added.length; i++) {
      const uid = target.uidNext + i
      movePlacement(tx, added.message[i] ?? 0, [from.id, entries.uid[i] ?? 0], [target.id, uid], now)
      const flags = (translate(entries.flags[i] ?? 0) & ~DELETED) >>> 0
      added.uid[i] = uid
      added.flags[i] = flags
      added.modSeq[i] = modSeq
      if ((flags & SEEN) === 0) tally.unseen++
      tally.octets += added.size[i] ?? 0
    }
    tally.messages = tally.recent = added.length
    appendEntries(tx, target.id, added, modSeq)
    tallyAdded(tx, target.id, tally, modSeq, target.uidNext + added.length)
  }
}

interface Job {
  readonly account: AccountId
  readonly source: Source
  readonly sinceMs: number
  /** Rows of `expunged` up to this MODSEQ are done, and so many entries of the next. */
  after: number
  from: number
  messages: number
  unsynced: number
}

function sourcesOf(reader: Reader, account: AccountId): Source[] {
  return reader
    .sql(MAILBOXES)
    .all(account)
    .map(([id, name, isDeleted, deletedMs]) => ({
      id: Number(id),
      name: String(name),
      isDeleted: isDeleted === 1,
      deletedMs: Number(deletedMs),
    }))
}

const isKept = ({ isDeleted, deletedMs }: Source, sinceMs: number): boolean => isDeleted && deletedMs >= sinceMs

function nextRow(
  reader: Reader,
  mailbox: MailboxId,
  after: number,
  sinceMs: number,
): { readonly modSeq: number; readonly atMs: number; readonly entries: Entries } | undefined {
  const row = reader.sql(ROWS).get(mailbox, after, sinceMs)
  if (row === undefined) return undefined
  return { modSeq: Number(row[0]), atMs: Number(row[1]), entries: new Entries(row[2] as Uint8Array) } // BLOB NOT NULL
}

/** Those that upkeep has not let go, and that were not brought back already. */
function stillThere(reader: Reader, mailbox: MailboxId, entries: Entries): Entries {
  const rows = reader.sql(PLACES).all(mailbox, JSON.stringify([...entries.message]))
  const uids = new Set(rows.map(([uid]) => Number(uid)))
  return entries.pick(Array.from(entries.uid.keys()).filter((i) => uids.has(entries.uid[i] ?? 0)))
}
