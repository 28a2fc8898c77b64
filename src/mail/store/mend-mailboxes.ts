/**
 * Pages of mailboxes made whole: entries whose message is gone leave, messages that say they lie in a mailbox come back into it with
 * the flags that they had as far as anybody knows, and counters are counted anew. One mailbox at a time is in memory.
 */
import type { Reader, SqlValue, Tx } from '../../io/db/mod.ts'
import { addAccountState, accountStanding } from './account-state.ts'
import type { MailboxId } from './contract.ts'
import { Entries, type Entry, ENTRY_OCTETS } from './entries.ts'
import { addExpunged } from './expunged.ts'
import { DELETED, SEEN } from './keywords.ts'
import { type MailboxRow, mailboxById } from './mailbox-rows.ts'
import { copyRow, type Mending, type MendReport } from './mend-contract.ts'
import { appendEntries, pageHolding } from './pages.ts'
import { sumOf } from './sums.ts'

/** Milliseconds in a record's id: base/ids.ts. */
const ID_TIME_OCTETS = 6

export async function mendMailboxes(mending: Mending): Promise<MendReport> {
  const report: MendReport = { lost: 0, entries: 0, fromSnapshot: 0 }
  await mending.db.write((tx) => makeMissingMailboxes(mending, tx))
  const ids = mending.db.read.sql('SELECT id FROM mailbox ORDER BY id').all()
  for (const [i, [id]] of ids.entries()) {
    await mending.db.write((tx) => new MailboxMending(mending, tx, Number(id), report).run())
    mending.onProgress(i + 1)
  }
  return report
}

/** Mailboxes that messages or pages speak of and that nobody knows any more: their names are gone. */
function makeMissingMailboxes({ nowMs, onNote }: Mending, tx: Tx): void {
  const rows = tx
    .sql(
      `SELECT mailbox, min(account), max(uid) FROM (
         SELECT mailbox, account, uid FROM message
         UNION ALL SELECT p.mailbox, m.account, p.uid FROM placement p JOIN message m ON m.id = p.message)
       WHERE mailbox NOT IN (SELECT id FROM mailbox) GROUP BY mailbox`,
    )
    .all()
  for (const [id = 0, account = 0, uid = 0] of rows.map((row) => row.map(Number))) {
    if (accountStanding(tx, account) === undefined) addAccountState(tx, account)
    tx.sql(
      `INSERT INTO mailbox (id, account, name, uid_validity, uid_next, highest_mod_seq) VALUES (?, ?, ?, ?, ?, 1)`,
    ).run(id, account, `Recovered/mailbox ${id}`, Math.floor(nowMs / 1000), uid + 1)
    onNote({ account, mailbox: id, text: `its row is gone: its messages are in Recovered/mailbox ${id}` })
  }
  tx.sql('DELETE FROM mailbox_page WHERE mailbox NOT IN (SELECT id FROM mailbox)').run()
}

class MailboxMending {
  readonly #m: Mending
  readonly #tx: Tx
  readonly #row: MailboxRow | undefined
  readonly #id: MailboxId
  readonly #report: MendReport
  readonly #entries = new Map<number, Entry>()
  /** Of pages that are not to be believed. */
  readonly #hints = new Map<number, Entry>()
  #changed = false

  constructor(mending: Mending, tx: Tx, id: MailboxId, report: MendReport) {
    this.#m = mending
    this.#tx = tx
    this.#id = id
    this.#report = report
    this.#row = mailboxById(tx, id)
  }

  run(): void {
    const row = this.#row
    if (row === undefined) return
    this.#readPages()
    this.#checkEntries(row)
    this.#bringBack(row)
    if (this.#changed) this.#writePages()
    this.#count(row)
  }

  #readPages(): void {
    const rows = this.#tx
      .sql('SELECT n, data, sum FROM mailbox_page WHERE mailbox = ? ORDER BY first_uid')
      .all(this.#id)
    for (const [n, octets, sum] of rows) {
      const data = octets as Uint8Array // BLOB NOT NULL
      const good = data.byteLength === Number(n) * ENTRY_OCTETS && (sum === null || sum === sumOf(data))
      if (!good) this.#changed = true
      const into = good ? this.#entries : this.#hints
      const entries = new Entries(data.subarray(0, data.byteLength - (data.byteLength % ENTRY_OCTETS)))
      for (let i = 0; i < entries.length; i++) {
        const entry = entries.at(i)
        if (entry.uid > 0 && !into.has(entry.uid)) into.set(entry.uid, entry)
      }
    }
    if (this.#hints.size > 0)
      this.#note(
        'a page was damaged: flags and dates of its messages are as the snapshot or the page has them',
        undefined,
      )
  }

  /** Entries without a message leave, but where the snapshot has its row. */
  #checkEntries({ account }: MailboxRow): void {
    const message = this.#tx.sql('SELECT account, length(prefix) + length FROM message WHERE id = ?')
    for (const [uid, entry] of this.#entries) {
      let found = message.get(entry.message)
      if (found === undefined && this.#fromSnapshot(entry)) found = message.get(entry.message)
      if (found === undefined || Number(found[0]) !== account) {
        this.#entries.delete(uid)
        this.#report.lost++
        this.#changed = true
        this.#note('the row of its message is gone', uid)
        continue
      }
      if (Number(found[1]) !== entry.sizeOctets) {
        this.#entries.set(uid, { ...entry, sizeOctets: Number(found[1]) })
        this.#changed = true
      }
      this.#place(entry)
    }
  }

  #fromSnapshot({ message, uid }: Entry): boolean {
    const { snapshot } = this.#m
    if (snapshot === undefined || !copyRow(snapshot, this.#tx, 'message', message)) return false
    this.#tx.sql('UPDATE message SET mailbox = ?, uid = ? WHERE id = ?').run(this.#id, uid, message)
    this.#report.fromSnapshot++
    return true
  }

  /** The message knows that it is here. */
  #place({ message, uid }: Entry): void {
    const first = this.#tx
      .sql('SELECT 1 FROM message WHERE id = ? AND mailbox = ? AND uid = ?')
      .get(message, this.#id, uid)
    if (first !== undefined) return
    this.#tx.sql('INSERT OR IGNORE INTO placement (message, mailbox, uid) VALUES (?, ?, ?)').run(message, this.#id, uid)
  }

  /** Messages that say they lie here, and of which no page knows. */
  #bringBack(row: MailboxRow): void {
    const places = this.#tx
      .sql(
        `SELECT uid, id FROM message WHERE mailbox = ?1
         UNION ALL SELECT uid, message FROM placement WHERE mailbox = ?1 AND message IN (SELECT id FROM message)`,
      )
      .all(this.#id)
    const missing = places.filter(([uid, message]) => this.#entries.get(Number(uid))?.message !== Number(message))
    if (missing.length === 0) return
    const expunged = this.#expunged()
    const isSuspect = this.#changed || this.#m.damaged.has('mailbox_page')
    const released: Entry[] = []
    for (const [uid = 0, message = 0] of missing.map((place) => place.map(Number))) {
      if (expunged.has(`${uid} ${message}`)) continue
      const entry = this.#known(uid, message, row)
      if (!isSuspect || this.#entries.has(uid) || row.name === undefined) {
        released.push(entry)
        continue
      }
      this.#entries.set(uid, entry)
      this.#report.entries++
      this.#changed = true
    }
    // Pages that are whole do not know them: they were expunged, and the row that said so is gone. Upkeep lets them go.
    if (released.length > 0)
      addExpunged(this.#tx, this.#id, row.highestModSeq + 1, this.#m.nowMs, packed(released), false)
  }

  #expunged(): ReadonlySet<string> {
    const rows = this.#tx.sql('SELECT data FROM expunged WHERE mailbox = ? AND released >= 0').all(this.#id)
    return new Set(
      rows.flatMap(([data]) => {
        const { uid, message } = new Entries(data as Uint8Array) // BLOB NOT NULL
        return Array.from(uid, (one, i) => `${one} ${message[i]}`)
      }),
    )
  }

  /** Flags and date as they were last known. */
  #known(uid: number, message: number, row: MailboxRow): Entry {
    const { snapshot } = this.#m
    const [size, record, saved] = this.#tx
      .sql('SELECT length(prefix) + length, record_id, saved FROM message WHERE id = ?')
      .get(message) ?? [0, null, null]
    const former = [this.#hints.get(uid), snapshot && entryIn(snapshot, this.#id, uid)].find(
      (entry) => entry?.message === message,
    )
    if (former === undefined) this.#note('its flags and date are not known any more', uid)
    return {
      uid,
      message,
      flags: former?.flags ?? 0,
      sizeOctets: Number(size),
      modSeq: former?.modSeq ?? row.highestModSeq,
      dateMs: former?.dateMs ?? dateOf(record ?? null, saved ?? null),
    }
  }

  #writePages(): void {
    const all = [...this.#entries.values()].toSorted((a, b) => a.uid - b.uid)
    this.#tx.sql('DELETE FROM mailbox_page WHERE mailbox = ?').run(this.#id)
    const modSeq = all.reduce((most, entry) => Math.max(most, entry.modSeq), this.#row?.highestModSeq ?? 1)
    appendEntries(this.#tx, this.#id, packed(all), modSeq)
  }

  #count({ id, name, highestModSeq }: MailboxRow): void {
    const all = [...this.#entries.values()]
    const messages = name === undefined ? [] : all // a deleted one counts nothing, and upkeep empties it
    const sum = (of: (entry: Entry) => number): number => messages.reduce((n, entry) => n + of(entry), 0)
    const most = (of: (entry: Entry) => number, least: number): number =>
      all.reduce((n, entry) => Math.max(n, of(entry)), least)
    const modSeq = Number(this.#tx.sql('SELECT max(mod_seq) FROM expunged WHERE mailbox = ?').get(id)?.[0] ?? 0)
    this.#tx
      .sql(
        `UPDATE mailbox SET messages = ?1, unseen = ?2, deleted = ?3, octets = ?4, recent = min(recent, ?1), uid_next = max(uid_next, ?5),
           highest_mod_seq = ?6, changed_mod_seq = min(changed_mod_seq, ?6), expunged_mod_seq = min(expunged_mod_seq, ?6),
           expunged_floor = min(expunged_floor, ?6) WHERE id = ?7`,
      )
      .run(
        messages.length,
        sum(({ flags }) => ((flags & SEEN) === 0 ? 1 : 0)),
        sum(({ flags }) => ((flags & DELETED) === 0 ? 0 : 1)),
        sum(({ sizeOctets }) => sizeOctets),
        most(({ uid }) => uid, 0) + 1,
        most((entry) => entry.modSeq, Math.max(highestModSeq, modSeq)),
        id,
      )
  }

  #note(text: string, uid: number | undefined): void {
    this.#m.onNote({ account: this.#row?.account, mailbox: this.#id, uid, text })
  }
}

function packed(all: readonly Entry[]): Entries {
  const entries = Entries.ofLength(all.length)
  for (const [i, entry] of all.entries()) entries.set(i, entry)
  return entries
}

function entryIn(reader: Reader, mailbox: MailboxId, uid: number): Entry | undefined {
  const entries = pageHolding(reader, mailbox, uid)?.entries
  const at = entries?.lowerBound(uid) ?? 0
  return entries?.uid[at] === uid ? entries.at(at) : undefined
}

/** When it was saved; else when its record was made. */
function dateOf(record: SqlValue, saved: SqlValue): number {
  if (typeof saved === 'number') return saved
  return record instanceof Uint8Array ? Buffer.from(record).readUIntBE(0, ID_TIME_OCTETS) : 0
}
