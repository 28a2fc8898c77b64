/** CREATE, DELETE, RENAME, SUBSCRIBE, LIST and STATUS: an account's mailboxes by name. RFC 9051 §6.3. */
import type { Reader, Tx } from '../../io/db/mod.ts'
import type { AccountId } from '../accounts/mod.ts'
import { accountStanding, addUsage, nextModSeq, nextUidValidity } from './account-state.ts'
import { removeAllAnnotations, removeAnnotations } from './annotations.ts'
import { announce, type StoreContext } from './context.ts'
import type { MailboxId, MailboxInfo, MailboxStatus, Refusal, SpecialUse } from './contract.ts'
import { removeImports } from './import-entries.ts'
import { addMailbox, mailboxByName, mailboxesOf, type MailboxRow } from './mailbox-rows.ts'
import { canonicalName, nameProblem, parentOf, parentsOf, STAGED } from './names.ts'
import { mailboxObjectId } from './object-ids.ts'
import { removeMarks, removeMarksOf, rowAsSeenBy } from './private-seen.ts'
import { provision, subscribe } from './provision.ts'
import { inheritRights, removeGrantsTo, removeRights, SHARED_ACCOUNT } from './rights.ts'
import { removeUrlKey } from './url-keys.ts'

const NONEXISTENT: Refusal = { refused: 'NONEXISTENT', text: 'No such mailbox' }
const ALREADYEXISTS: Refusal = { refused: 'ALREADYEXISTS', text: 'There is a mailbox of that name' }

/** Special uses that are views over other mailboxes (RFC 6154 §2); no mailbox can be made with them. */
const VIRTUAL_USES: ReadonlySet<SpecialUse> = new Set(['\\All', '\\Flagged'])

export function listMailboxes(reader: Reader, account: AccountId): MailboxInfo[] {
  const rows = mailboxesOf(reader, account).filter(({ name }) => name?.startsWith(STAGED) !== true)
  const subscribed = new Set(listSubscriptions(reader, account))
  const parents = new Set(rows.map((row) => parentOf(row.name ?? '')))
  return rows.map((row) => infoOf(row, subscribed.has(row.name ?? ''), parents.has(row.name)))
}

function infoOf(row: MailboxRow, subscribed: boolean, hasChildren: boolean): MailboxInfo {
  const { id, name = '', specialUse, selectable } = row
  const objectId = mailboxObjectId(id, row.uidValidity)
  return { id, objectId, name, subscribed, specialUse, hasChildren, selectable }
}

export function listSubscriptions(reader: Reader, account: AccountId): string[] {
  return reader
    .sql('SELECT name FROM subscription WHERE account = ? ORDER BY name')
    .all(account)
    .map(([name]) => String(name))
}

/** @param readerOf whose \Seen counts; undefined: the mailbox's */
export function mailboxStatus(
  reader: Reader,
  account: AccountId,
  name: string,
  readerOf: (row: MailboxRow) => AccountId | undefined,
): MailboxStatus | undefined {
  const found = mailboxByName(reader, account, canonicalName(name))
  if (found === undefined || !found.selectable) return undefined
  const row = rowAsSeenBy(reader, found, readerOf(found))
  const { id, uidValidity, uidNext, messages, unseen, deleted, recent, octets } = row
  const highestModSeq = BigInt(row.highestModSeq)
  const objectId = mailboxObjectId(id, uidValidity)
  return { id, objectId, uidValidity, uidNext, messages, unseen, deleted, recent, sizeOctets: octets, highestModSeq }
}

/** Changes to an account's mailboxes; each is one transaction. */
export class Mailboxes {
  readonly #ctx: StoreContext

  constructor(ctx: StoreContext) {
    this.#ctx = ctx
  }

  create(account: AccountId, wanted: string, specialUse: SpecialUse | undefined): Promise<MailboxInfo | Refusal> {
    // RFC 9051 §6.3.4: a hierarchy separator at the end only declares that names below will follow.
    const name = canonicalName(wanted.endsWith('/') ? wanted.slice(0, -1) : wanted)
    return this.#ctx.db.write((tx) => {
      provision(this.#ctx, tx, account)
      const refusal = this.#cannotCreate(tx, account, name, specialUse)
      if (refusal !== undefined) return refusal
      const modSeq = this.#change(tx, account)
      this.makeWithParents(tx, account, name, modSeq, specialUse)
      const info = listMailboxes(tx, account).find((mailbox) => mailbox.name === name)
      if (info === undefined) throw new Error(`Mailbox ${name} was not made`)
      return info
    })
  }

  #cannotCreate(tx: Tx, account: AccountId, name: string, use: SpecialUse | undefined): Refusal | undefined {
    const problem = nameProblem(name, this.#ctx.settings) ?? cannotHave(account, name)
    if (problem !== undefined) return problem
    // A session may outlive its account.
    if (accountStanding(tx, account) !== 'here') return { refused: 'NONEXISTENT', text: 'The account is gone' }
    if (mailboxByName(tx, account, name)?.selectable === true) return ALREADYEXISTS
    if (use !== undefined) {
      if (VIRTUAL_USES.has(use)) return { refused: 'CANNOT', text: `No mailbox can be made for ${use}` }
      if (mailboxesOf(tx, account).some((row) => row.specialUse === use))
        return { refused: 'CANNOT', text: `There is a mailbox for ${use} already` }
    }
    return this.tooMany(tx, account, name)
  }

  /** A name brings its missing superiors along. */
  tooMany(tx: Tx, account: AccountId, name: string): Refusal | undefined {
    const names = new Set(mailboxesOf(tx, account).map((row) => row.name))
    const limit = this.#ctx.limitsOf(account).mailboxes
    const more = [...parentsOf(name), name].filter((one) => !names.has(one)).length
    return names.size + more > limit
      ? { refused: 'LIMIT', text: `An account has at most ${limit} mailboxes` }
      : undefined
  }

  /** Makes a mailbox and the superior names that are missing; inside a transaction that gave `modSeq`. */
  makeWithParents(tx: Tx, account: AccountId, name: string, modSeq: number, specialUse?: SpecialUse): void {
    for (const parent of parentsOf(name))
      if (mailboxByName(tx, account, parent) === undefined) this.#make(tx, account, parent, modSeq)
    const row = mailboxByName(tx, account, name)
    if (row === undefined) this.#make(tx, account, name, modSeq, specialUse)
    else if (!row.selectable) {
      tx.sql('UPDATE mailbox SET selectable = 1, special_use = ?, highest_mod_seq = ? WHERE id = ?').run(
        specialUse ?? null,
        modSeq,
        row.id,
      )
      this.#inherit(tx, account, name, row.id)
    }
  }

  #make(tx: Tx, account: AccountId, name: string, modSeq: number, specialUse?: SpecialUse): void {
    const uidValidity = nextUidValidity(tx, account, this.#ctx.clock.now())
    this.#inherit(tx, account, name, addMailbox(tx, { account, name, specialUse, uidValidity, modSeq }))
  }

  #inherit(tx: Tx, account: AccountId, name: string, id: MailboxId): void {
    const parent = mailboxByName(tx, account, parentOf(name) ?? '')
    if (parent !== undefined) inheritRights(tx, parent.id, id)
  }

  /** RFC 9051 §6.3.5. Its messages go with upkeep; sessions that have it selected see it emptied. */
  delete(account: AccountId, wanted: string): Promise<undefined | Refusal> {
    const name = canonicalName(wanted)
    if (name === 'INBOX') return Promise.resolve({ refused: 'CANNOT', text: 'INBOX cannot be deleted' })
    return this.#ctx.db.write((tx) => {
      const row = mailboxByName(tx, account, name)
      if (row === undefined) return NONEXISTENT
      const hasChildren = namesBelow(tx, account, name).length > 0
      if (!row.selectable && hasChildren)
        return { refused: 'HASCHILDREN', text: 'The name is only there for the mailboxes below it' }
      const modSeq = this.#change(tx, account)
      detachMailbox(tx, row, modSeq)
      keepDeleted(tx, row, this.#ctx.clock.now())
      if (hasChildren) {
        const uidValidity = nextUidValidity(tx, account, this.#ctx.clock.now())
        addMailbox(tx, { account, name, selectable: false, uidValidity, modSeq })
      }
      return undefined
    })
  }

  /** RFC 9051 §6.3.6, for all but INBOX: names change, mailboxes stay what they are, those below follow. */
  rename(account: AccountId, fromName: string, toName: string): Promise<undefined | Refusal> {
    const from = canonicalName(fromName)
    const to = canonicalName(toName)
    return this.#ctx.db.write((tx) => {
      const row = mailboxByName(tx, account, from)
      if (row === undefined) return NONEXISTENT
      const below = namesBelow(tx, account, from)
      const refusal = this.#cannotRename(tx, account, from, to, below)
      if (refusal !== undefined) return refusal
      const modSeq = this.#change(tx, account)
      const parent = parentOf(to)
      if (parent !== undefined && mailboxByName(tx, account, parent) === undefined)
        this.makeWithParents(tx, account, parent, modSeq)
      for (const name of [from, ...below])
        tx.sql('UPDATE mailbox SET name = ?, highest_mod_seq = ? WHERE account = ? AND name = ?').run(
          to + name.slice(from.length),
          modSeq,
          account,
          name,
        )
      return undefined
    })
  }

  #cannotRename(tx: Tx, account: AccountId, from: string, to: string, below: readonly string[]): Refusal | undefined {
    if (mailboxByName(tx, account, to) !== undefined) return ALREADYEXISTS
    const reserved = cannotHave(account, to)
    if (reserved !== undefined) return reserved
    if (to.startsWith(`${from}/`)) return { refused: 'CANNOT', text: 'A mailbox cannot move below itself' }
    const problems = [from, ...below].map((name) => nameProblem(to + name.slice(from.length), this.#ctx.settings))
    return problems.find((problem) => problem !== undefined) ?? this.tooMany(tx, account, parentOf(to) ?? from)
  }

  /** @param isThere the mailbox was looked for already: one of another account, under the name that this one has for it */
  setSubscribed(
    account: AccountId,
    wanted: string,
    subscribed: boolean,
    isThere: boolean,
  ): Promise<undefined | Refusal> {
    const name = canonicalName(wanted)
    return this.#ctx.db.write((tx) => {
      if (subscribed) {
        // RFC 9051 §6.3.7: a server may check that the mailbox is there, and must not drop a name later by itself.
        if (!isThere && mailboxByName(tx, account, name) === undefined) return NONEXISTENT
        subscribe(tx, account, name)
      } else tx.sql('DELETE FROM subscription WHERE account = ? AND name = ?').run(account, name)
      announce(this.#ctx, tx, account)
      return undefined
    })
  }

  /** Everything of an account goes; upkeep removes the messages. The account's number stays given. */
  removeAccount(account: AccountId): Promise<void> {
    return this.#ctx.db.write((tx) => {
      provision(this.#ctx, tx, account) // so that there is a row to say it is gone
      const modSeq = this.#change(tx, account)
      for (const row of mailboxesOf(tx, account)) detachMailbox(tx, row, modSeq)
      // What was kept to be brought back goes with it.
      tx.sql('UPDATE mailbox SET deleted_at = 0 WHERE account = ?').run(account)
      tx.sql(
        'UPDATE expunged SET at = 0 WHERE released >= 0 AND mailbox IN (SELECT id FROM mailbox WHERE account = ?)',
      ).run(account)
      tx.sql('DELETE FROM subscription WHERE account = ?').run(account)
      removeAllAnnotations(tx, account)
      removeImports(tx, account)
      removeGrantsTo(tx, account)
      removeMarksOf(tx, account)
      tx.sql('UPDATE account_state SET removed = 1 WHERE account = ?').run(account)
    })
  }

  #change(tx: Tx, account: AccountId): number {
    announce(this.#ctx, tx, account)
    return nextModSeq(tx, account)
  }
}

/** What belongs to nobody is delivered to nobody. */
function cannotHave(account: AccountId, name: string): Refusal | undefined {
  return account === SHARED_ACCOUNT && name === 'INBOX'
    ? { refused: 'CANNOT', text: 'INBOX is not shared by all' }
    : undefined
}

/** Names below `name`, at any depth. */
export function namesBelow(reader: Reader, account: AccountId, name: string): string[] {
  // '0' is the character after '/': the range holds exactly what begins with `name/`.
  return reader
    .sql('SELECT name FROM mailbox WHERE account = ? AND name > ? AND name < ?')
    .all(account, `${name}/`, `${name}0`)
    .map(([below]) => String(below))
}

/** A mailbox that was taken out of its account can be brought back for `expunged_retention`. */
function keepDeleted(tx: Tx, { id, name }: MailboxRow, nowMs: number): void {
  tx.sql('UPDATE mailbox SET deleted_name = ?, deleted_at = ? WHERE id = ?').run(name ?? null, nowMs, id)
}

/** Takes a mailbox out of its account in one step, whatever its size. */
export function detachMailbox(tx: Tx, row: MailboxRow, modSeq: number): void {
  addUsage(tx, row.account, -row.octets, -row.messages)
  removeAnnotations(tx, row.account, row.id)
  removeRights(tx, row.id)
  removeMarks(tx, row.id)
  removeUrlKey(tx, row.id)
  tx.sql(
    `UPDATE mailbox SET name = NULL, special_use = NULL, messages = 0, unseen = 0, deleted = 0, recent = 0, octets = 0,
       highest_mod_seq = ?, expunged_mod_seq = ? WHERE id = ?`,
  ).run(modSeq, modSeq, row.id)
}
