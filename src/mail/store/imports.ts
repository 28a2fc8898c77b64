/**
 * Folders of elsewhere become mailboxes. Where the mailbox is missing or empty, the folder's UIDVALIDITY and UIDs are kept:
 * it is filled under a name that nobody sees, for what a client told of one UID must not meet another message under it, and
 * mail that arrives meanwhile would take UIDs. When all is there the mailbox takes the name, and behind the imported messages
 * come those that arrived. A mailbox with messages gets more of them, with new UIDs where its own have come further.
 */
import { createHash, hash } from 'node:crypto'
import type { Tx } from '../../io/db/mod.ts'
import type { AccountId } from '../accounts/mod.ts'
import { accountStanding, nextModSeq, nextUidValidity } from './account-state.ts'
import { announce, type StoreContext } from './context.ts'
import type { ImportedContent, ImportSource, ImportTarget, Refusal, StoredMessage } from './contract.ts'
import { copyMessages } from './copy.ts'
import {
  countKnown,
  KEPT_UID_LIMIT,
  forgetSource,
  importedMessages,
  sourceById,
  sourceByName,
  type SourceRow,
} from './import-entries.ts'
import { addMailbox, mailboxById, mailboxByName, type MailboxRow } from './mailbox-rows.ts'
import { detachMailbox, type Mailboxes } from './mailboxes.ts'
import { messagesById } from './message-rows.ts'
import { canonicalName, nameProblem, parentOf, STAGED } from './names.ts'
import { pagesFrom } from './pages.ts'
import { provision } from './provision.ts'
import { inheritRights } from './rights.ts'
import { ANY_FLAG } from './store-flags.ts'

/** A UIDVALIDITY beyond this leaves too little room for those that follow; about the year 2096. */
const UIDVALIDITY_LIMIT = 4_000_000_000
/** Pages of arrived messages that move at a time. */
const PAGES = 16
/** Messages read back at a time. */
const READ_BACK = 64
const PIECE = 1_048_576

const GONE: Refusal = { refused: 'NONEXISTENT', text: 'The import is gone' }

type ReadMessage = (message: StoredMessage, from: number, to: number) => Buffer

export class Imports {
  readonly #ctx: StoreContext
  readonly #mailboxes: Mailboxes
  readonly #read: ReadMessage

  constructor(ctx: StoreContext, mailboxes: Mailboxes, read: ReadMessage) {
    this.#ctx = ctx
    this.#mailboxes = mailboxes
    this.#read = read
  }

  async open(account: AccountId, wanted: ImportSource): Promise<ImportTarget | Refusal> {
    const opened = await this.#ctx.db.write((tx) => this.#open(tx, account, wanted))
    // Rows of messages name this one: after a power cut it must be there when they are taken in again.
    if (!('refused' in opened)) await this.#ctx.db.syncWal()
    return opened
  }

  #open(tx: Tx, account: AccountId, wanted: ImportSource): ImportTarget | Refusal {
    provision(this.#ctx, tx, account)
    if (accountStanding(tx, account) !== 'here') return { refused: 'NONEXISTENT', text: 'The account is gone' }
    const name = canonicalName(wanted.mailbox)
    const problem = nameProblem(name, this.#ctx.settings)
    if (problem !== undefined) return problem
    const before = sourceByName(tx, account, wanted.source)
    const mailbox = before && mailboxById(tx, before.mailbox)
    if (before !== undefined && mailbox?.name !== undefined) return this.#again(tx, before, mailbox, wanted)
    if (before !== undefined) forgetSource(tx, before.id) // the mailbox was deleted: the import begins anew
    const there = mailboxByName(tx, account, name)
    if (there !== undefined && there.messages > 0) {
      const id = this.#addSource(tx, account, { ...wanted, mailbox: name }, there.id, false)
      return { id, mailbox: name, takes: name, uidValidity: there.uidValidity, known: 0 }
    }
    return this.#stage(tx, account, { ...wanted, mailbox: name })
  }

  /** A staged one may change its target; one that has its name keeps it. */
  #again(tx: Tx, before: SourceRow, row: MailboxRow, wanted: ImportSource): ImportTarget {
    const { id, staged } = before
    const mailbox = staged ? canonicalName(wanted.mailbox) : (row.name ?? '')
    if (staged) tx.sql('UPDATE import_source SET target = ? WHERE id = ?').run(mailbox, id)
    return { id, mailbox, takes: row.name ?? '', uidValidity: row.uidValidity, known: countKnown(tx, id) }
  }

  #stage(tx: Tx, account: AccountId, wanted: ImportSource): ImportTarget {
    const uidValidity = this.#uidValidity(tx, account, wanted.uidValidity)
    announce(this.#ctx, tx, account)
    const modSeq = nextModSeq(tx, account)
    const id = this.#addSource(tx, account, wanted, 0, true)
    const takes = `${STAGED}${id}`
    const mailbox = addMailbox(tx, { account, name: takes, uidValidity, modSeq })
    tx.sql('UPDATE import_source SET mailbox = ? WHERE id = ?').run(mailbox, id)
    return { id, mailbox: wanted.mailbox, takes, uidValidity, known: 0 }
  }

  /** The folder's own; those of mailboxes made later are higher than any that the account has had. */
  #uidValidity(tx: Tx, account: AccountId, given: number | undefined): number {
    if (given === undefined || given < 1 || given > UIDVALIDITY_LIMIT || !Number.isInteger(given))
      return nextUidValidity(tx, account, this.#ctx.clock.now())
    tx.sql('UPDATE account_state SET uid_validity = max(uid_validity, ?) WHERE account = ?').run(given, account)
    return given
  }

  #addSource(tx: Tx, account: AccountId, wanted: ImportSource, mailbox: number, staged: boolean): number {
    return tx
      .sql('INSERT INTO import_source (account, source, mailbox, target, staged) VALUES (?, ?, ?, ?, ?)')
      .run(account, wanted.source, mailbox, wanted.mailbox, staged ? 1 : 0).lastInsertRowid
  }

  async finish(id: number, uidNext = 0): Promise<undefined | Refusal> {
    for (;;) {
      const source = sourceById(this.#ctx.db.read, id)
      if (source === undefined) return GONE
      if (!source.staged) return undefined
      const refused = await this.#takeArrived(source)
      if (refused !== undefined) return refused
      const done = await this.#ctx.db.write((tx) => this.#giveName(tx, id, uidNext))
      if (done !== 'again') return done
    }
  }

  /** Mail that came into the mailbox meanwhile goes behind what was imported. */
  async #takeArrived({ account, mailbox, target: name }: SourceRow): Promise<undefined | Refusal> {
    const takes = mailboxById(this.#ctx.db.read, mailbox)?.name
    const there = mailboxByName(this.#ctx.db.read, account, name)
    if (takes === undefined) return GONE
    while (there !== undefined) {
      const pages = pagesFrom(this.#ctx.db.read, there.id, 0, PAGES)
      const uids = Uint32Array.from(pages.flatMap(({ entries }) => [...entries.uid]))
      if (uids.length === 0) return undefined
      const target = { account, name: takes, mask: ANY_FLAG }
      const moved = await copyMessages(this.#ctx, { account, source: there.id, target, uids, move: true })
      if ('refused' in moved) return moved
    }
    return undefined
  }

  #giveName(tx: Tx, id: number, uidNext: number): undefined | 'again' | Refusal {
    const source = sourceById(tx, id)
    if (source === undefined || mailboxById(tx, source.mailbox)?.name === undefined) return GONE
    const { account, mailbox, target } = source
    const there = mailboxByName(tx, account, target)
    if (there !== undefined && there.messages > 0) return 'again'
    announce(this.#ctx, tx, account)
    const modSeq = nextModSeq(tx, account)
    if (there !== undefined) {
      tx.sql('UPDATE annotation SET mailbox = ? WHERE account = ? AND mailbox = ?').run(mailbox, account, there.id)
      inheritRights(tx, there.id, mailbox)
      detachMailbox(tx, there, modSeq)
    }
    const parent = parentOf(target)
    if (parent !== undefined && mailboxByName(tx, account, parent) === undefined)
      this.#mailboxes.makeWithParents(tx, account, parent, modSeq)
    tx.sql(
      `UPDATE mailbox SET name = ?, special_use = ?, uid_next = max(uid_next, ?), highest_mod_seq = ? WHERE id = ?`,
    ).run(target, there?.specialUse ?? null, uidNext <= KEPT_UID_LIMIT ? uidNext : 0, modSeq, mailbox)
    tx.sql('UPDATE import_source SET staged = 0 WHERE id = ?').run(id)
    return undefined
  }

  async content(id: number): Promise<ImportedContent> {
    const reader = this.#ctx.db.read
    const account = sourceById(reader, id)?.account ?? 0
    const hashes: string[] = []
    let octets = 0
    const ids = importedMessages(reader, id)
    for (let from = 0; from < ids.length; from += READ_BACK) {
      for (const message of messagesById(reader, account, ids.slice(from, from + READ_BACK))) {
        if (message === undefined) continue
        hashes.push(this.#hashOf(message))
        octets += message.sizeOctets
      }
      await new Promise(setImmediate) // others have their turn
    }
    const lines = hashes.toSorted().map((one) => `${one}\n`)
    return { messages: hashes.length, octets, hash: hash('sha256', lines.join('')) }
  }

  /** With LF, as it lies in a Maildir. A CR is held back until it is known what follows. */
  #hashOf(message: StoredMessage): string {
    const sum = createHash('sha256')
    let held = ''
    for (let at = 0; at < message.sizeOctets; at += PIECE) {
      const piece = held + this.#read(message, at, Math.min(message.sizeOctets, at + PIECE)).toString('latin1')
      held = piece.endsWith('\r') ? '\r' : ''
      sum.update(piece.slice(0, piece.length - held.length).replaceAll('\r\n', '\n'), 'latin1')
    }
    return sum.update(held).digest('hex')
  }
}
