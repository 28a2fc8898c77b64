/**
 * What the deposits of one transaction come to: a batch of the log often has many messages for one account or mailbox, and
 * their counters and pages are written once, before the commit.
 */
import type { Tx } from '../../io/db/mod.ts'
import type { AccountId } from '../accounts/mod.ts'
import type { MailboxId } from './contract.ts'
import { Entries, type Entry } from './entries.ts'
import { appendEntries } from './pages.ts'

interface AccountCounters {
  readonly account: AccountId
  /** The last one given. */
  modSeq: number
  octets: number
  messages: number
}

/** A mailbox as it stands with what was gathered for it. */
export interface Target {
  readonly account: AccountCounters
  readonly mailbox: MailboxId
  readonly uidValidity: number
  keywordVersion: number
  /** The next UID to give. */
  uidNext: number
  highestModSeq: number
  unseen: number
  deleted: number
  octets: number
  entries: Entry[]
}

const COLUMNS = 'm.id, m.uid_validity, m.uid_next, m.keyword_version, m.account, a.mod_seq'
const FROM = 'FROM mailbox m JOIN account_state a ON a.account = m.account'
const BY_NAME = `SELECT ${COLUMNS} ${FROM} WHERE m.account = ? AND m.name = ? AND m.selectable = 1 AND a.removed = 0`
const BY_ID = `SELECT ${COLUMNS} ${FROM} WHERE m.id = ? AND m.name IS NOT NULL AND m.selectable = 1 AND a.removed = 0`

const COUNT_ACCOUNT = `UPDATE account_state SET mod_seq = ?, octets = octets + ?, messages = messages + ? WHERE account = ?`
const COUNT_MAILBOX = `UPDATE mailbox SET uid_next = ?, highest_mod_seq = ?, messages = messages + ?, unseen = unseen + ?,
  deleted = deleted + ?, recent = recent + ?, octets = octets + ? WHERE id = ?`

const transactions = new WeakMap<Tx, Gathered>()

export class Gathered {
  readonly #tx: Tx
  readonly #onAccount: (account: AccountId) => void
  readonly #accounts = new Map<AccountId, AccountCounters>()
  readonly #targets = new Map<MailboxId, Target>()
  readonly #byName = new Map<string, Target>()

  private constructor(tx: Tx, onAccount: (account: AccountId) => void) {
    this.#tx = tx
    this.#onAccount = onAccount
  }

  /** @param onAccount called once for each account that gets something */
  static of(tx: Tx, onAccount: (account: AccountId) => void): Gathered {
    let gathered = transactions.get(tx)
    if (gathered === undefined) {
      const fresh = (gathered = new Gathered(tx, onAccount))
      transactions.set(tx, fresh)
      tx.beforeCommit(() => fresh.settle())
    }
    return gathered
  }

  /** undefined: there is no such mailbox that messages can be put into. */
  byName(account: AccountId, name: string): Target | undefined {
    const key = `${account} ${name}`
    const known = this.#byName.get(key)
    if (known !== undefined) return known
    const found = this.#target(this.#tx.sql(BY_NAME).get(account, name))
    if (found !== undefined) this.#byName.set(key, found)
    return found
  }

  byId(mailbox: MailboxId): Target | undefined {
    return this.#targets.get(mailbox) ?? this.#target(this.#tx.sql(BY_ID).get(mailbox))
  }

  /** Writes all of it. To be called before anything else in the transaction looks at or changes these rows. */
  settle(): void {
    for (const { account, modSeq, octets, messages } of this.#accounts.values())
      this.#tx.sql(COUNT_ACCOUNT).run(modSeq, octets, messages, account)
    for (const target of this.#targets.values()) writeTarget(this.#tx, target)
    this.#accounts.clear()
    this.#targets.clear()
    this.#byName.clear()
  }

  #target(row: readonly unknown[] | undefined): Target | undefined {
    if (row === undefined) return undefined
    const [mailbox = 0, uidValidity = 0, uidNext = 0, keywordVersion = 0, account = 0, modSeq = 0] = row.map(Number)
    const known = this.#targets.get(mailbox)
    if (known !== undefined) return known
    const target: Target = {
      account: this.#account(account, modSeq),
      mailbox,
      uidValidity,
      keywordVersion,
      uidNext,
      highestModSeq: 0,
      unseen: 0,
      deleted: 0,
      octets: 0,
      entries: [],
    }
    this.#targets.set(mailbox, target)
    return target
  }

  #account(account: AccountId, modSeq: number): AccountCounters {
    let counters = this.#accounts.get(account)
    if (counters === undefined) {
      counters = { account, modSeq, octets: 0, messages: 0 }
      this.#accounts.set(account, counters)
      this.#onAccount(account)
    }
    return counters
  }
}

/** Whatever deposits the transaction has gathered so far is written: for who counts or reads the same rows next. */
export function settleDeposits(tx: Tx): void {
  transactions.get(tx)?.settle()
}

function writeTarget(tx: Tx, target: Target): void {
  const { mailbox, uidNext, highestModSeq, unseen, deleted, octets, entries } = target
  if (entries.length === 0) return
  tx.sql(COUNT_MAILBOX).run(uidNext, highestModSeq, entries.length, unseen, deleted, entries.length, octets, mailbox)
  const packed = Entries.ofLength(entries.length)
  for (const [i, entry] of entries.entries()) packed.set(i, entry)
  appendEntries(tx, mailbox, packed, highestModSeq)
}
