/** One message into a mailbox, inside the transaction of its log record: delivery, APPEND, and replay of both. */
import type { Tx } from '../../io/db/mod.ts'
import { nextModSeqForMessage } from './account-state.ts'
import { announce, type StoreContext } from './context.ts'
import type { Deposit, Deposited } from './contract.ts'
import { readDictionary, saveDictionary } from './dictionaries.ts'
import { Entries } from './entries.ts'
import { DELETED, SEEN, SYSTEM_BITS, systemBit } from './keywords.ts'
import { Mailboxes } from './mailboxes.ts'
import { addMessage } from './message-rows.ts'
import { canonicalName, nameProblem } from './names.ts'
import { appendEntries } from './pages.ts'
import { provision } from './provision.ts'

const TAKE = `UPDATE mailbox SET uid_next = uid_next + 1, highest_mod_seq = ?, messages = messages + 1,
  unseen = unseen + ?, deleted = deleted + ?, recent = recent + 1, octets = octets + ?`
const RETURNING = 'RETURNING id, uid_validity, uid_next, keyword_version'
const TAKE_BY_NAME = `${TAKE} WHERE account = ? AND name = ? AND selectable = 1 ${RETURNING}`
const TAKE_BY_ID = `${TAKE} WHERE id = ? AND name IS NOT NULL AND selectable = 1 ${RETURNING}`

interface Taken {
  readonly mailbox: number
  readonly uidValidity: number
  readonly uid: number
  readonly keywordVersion: number
}

interface Change {
  readonly modSeq: number
  readonly unseen: number
  readonly deleted: number
  readonly octets: number
}

export class Deposits {
  readonly #ctx: StoreContext
  readonly #mailboxes: Mailboxes

  constructor(ctx: StoreContext) {
    this.#ctx = ctx
    this.#mailboxes = new Mailboxes(ctx)
  }

  /** By mailbox name; INBOX when that is gone, for delivered mail is not lost. undefined: the account is gone. */
  deliver(tx: Tx, deposit: Deposit): Deposited | undefined {
    const change = this.#begin(tx, deposit)
    if (change === undefined) return undefined
    const name = canonicalName(deposit.mailbox)
    return this.#enter(tx, deposit, change, this.#takeNamed(tx, deposit, name, change))
  }

  /** By mailbox id; undefined when it is gone: rule 2 of the log, a record without effect. */
  deposit(tx: Tx, mailbox: number, deposit: Deposit): Deposited | undefined {
    if (tx.sql('SELECT 1 FROM mailbox WHERE id = ? AND name IS NOT NULL AND selectable = 1').get(mailbox) === undefined)
      return undefined
    const change = this.#begin(tx, deposit)
    if (change === undefined) return undefined
    const { modSeq, unseen, deleted, octets } = change
    const taken = takenFrom(tx.sql(TAKE_BY_ID).get(modSeq, unseen, deleted, octets, mailbox))
    if (taken === undefined) throw new Error(`Mailbox ${mailbox} went away inside a transaction`)
    return this.#enter(tx, deposit, change, taken)
  }

  /** Counts the message for its account, which is provisioned if it never was. */
  #begin(tx: Tx, deposit: Deposit): Change | undefined {
    const { account, flags } = deposit
    const octets = deposit.prefix.length + deposit.at.length
    let modSeq = nextModSeqForMessage(tx, account, octets)
    if (modSeq === undefined) {
      provision(this.#ctx, tx, account)
      modSeq = nextModSeqForMessage(tx, account, octets)
      if (modSeq === undefined) return undefined
    }
    const bits = flags.reduce((all, flag) => all | systemBit(flag), 0)
    return { modSeq, octets, unseen: bits & SEEN ? 0 : 1, deleted: bits & DELETED ? 1 : 0 }
  }

  #takeNamed(tx: Tx, deposit: Deposit, name: string, change: Change): Taken {
    const { modSeq, unseen, deleted, octets } = change
    const take = (from: string): Taken | undefined =>
      takenFrom(tx.sql(TAKE_BY_NAME).get(modSeq, unseen, deleted, octets, deposit.account, from))
    const found = take(name)
    if (found !== undefined) return found
    if (deposit.create === true && nameProblem(name, this.#ctx.settings) === undefined)
      this.#mailboxes.makeWithParents(tx, deposit.account, name, modSeq)
    else provision(this.#ctx, tx, deposit.account)
    const taken = take(name) ?? take('INBOX')
    if (taken === undefined) throw new Error(`No INBOX for account ${deposit.account}`)
    return taken
  }

  #enter(tx: Tx, deposit: Deposit, change: Change, taken: Taken): Deposited {
    const { mailbox, uid, uidValidity } = taken
    const entries = Entries.ofLength(1)
    entries.set(0, {
      uid,
      flags: this.#flagsOf(tx, deposit.flags, taken),
      sizeOctets: change.octets,
      modSeq: change.modSeq,
      message: addMessage(tx, deposit, mailbox, uid),
      dateMs: deposit.internalDateMs,
    })
    appendEntries(tx, mailbox, entries, change.modSeq)
    announce(this.#ctx, tx, deposit.account)
    return { mailboxId: mailbox, uidValidity, uid, modSeq: BigInt(change.modSeq) }
  }

  /** Keywords that do not fit into the dictionary any more are left out: a message is worth more than its label. */
  #flagsOf(tx: Tx, flags: readonly string[], { mailbox, keywordVersion }: Taken): number {
    if (!flags.some((flag) => !flag.startsWith('\\')))
      return flags.reduce((all, flag) => all | systemBit(flag), 0) & SYSTEM_BITS
    const dictionary = readDictionary(tx, mailbox, keywordVersion)
    const encoded = dictionary.encode(flags, this.#ctx.settings.mailbox_keyword_limit, true)
    saveDictionary(tx, mailbox, dictionary)
    return encoded
  }
}

function takenFrom(row: readonly unknown[] | undefined): Taken | undefined {
  if (row === undefined) return undefined
  const [mailbox = 0, uidValidity = 0, uidNext = 0, keywordVersion = 0] = row.map(Number)
  return { mailbox, uidValidity, uid: uidNext - 1, keywordVersion }
}
