/** One message into a mailbox, inside the transaction of its log record: delivery, APPEND, and replay of both. */
import type { Tx } from '../../io/db/mod.ts'
import { accountStanding, nextModSeq } from './account-state.ts'
import { announce, type StoreContext } from './context.ts'
import type { Deposit, Deposited } from './contract.ts'
import { readDictionary, saveDictionary } from './dictionaries.ts'
import { Gathered, type Target } from './gathered.ts'
import { KEPT_UID_LIMIT, noteImported } from './import-entries.ts'
import { DELETED, SEEN, SYSTEM_BITS, systemBit } from './keywords.ts'
import { Mailboxes } from './mailboxes.ts'
import { addMessage } from './message-rows.ts'
import { canonicalName, nameProblem } from './names.ts'
import { markSeen } from './private-seen.ts'
import { provision } from './provision.ts'

export class Deposits {
  readonly #ctx: StoreContext
  readonly #mailboxes: Mailboxes

  constructor(ctx: StoreContext) {
    this.#ctx = ctx
    this.#mailboxes = new Mailboxes(ctx)
  }

  /** By mailbox name; INBOX when that is gone, for delivered mail is not lost. undefined: the account is gone. */
  deliver(tx: Tx, deposit: Deposit): Deposited | undefined {
    const gathered = this.#gathered(tx)
    const name = canonicalName(deposit.mailbox)
    const target = gathered.byName(deposit.account, name) ?? this.#made(tx, gathered, deposit, name)
    return target && this.#enter(tx, deposit, target)
  }

  /** By mailbox id; undefined when it is gone: rule 2 of the log, a record without effect. */
  deposit(tx: Tx, mailbox: number, deposit: Deposit): Deposited | undefined {
    const target = this.#gathered(tx).byId(mailbox)
    return target && this.#enter(tx, deposit, target)
  }

  #gathered(tx: Tx): Gathered {
    return Gathered.of(tx, (account) => announce(this.#ctx, tx, account))
  }

  /** The mailbox is not there: it is made where the deposit asks for that, else INBOX takes the message. */
  #made(tx: Tx, gathered: Gathered, deposit: Deposit, name: string): Target | undefined {
    const { account, create } = deposit
    gathered.settle()
    provision(this.#ctx, tx, account)
    if (accountStanding(tx, account) !== 'here') return undefined
    if (create === true && nameProblem(name, this.#ctx.settings) === undefined)
      this.#mailboxes.makeWithParents(tx, account, name, nextModSeq(tx, account))
    const target = gathered.byName(account, name) ?? gathered.byName(account, 'INBOX')
    if (target === undefined) throw new Error(`No INBOX for account ${account}`)
    return target
  }

  #enter(tx: Tx, deposit: Deposit, target: Target): Deposited {
    const all = this.#flagsOf(tx, deposit.flags, target)
    const seenBy = (all & SEEN) !== 0 ? deposit.reader : undefined
    const flags = seenBy === undefined ? all : (all & ~SEEN) >>> 0
    const sizeOctets = deposit.prefix.length + deposit.at.length
    const { account, mailbox, uidValidity } = target
    // One that was given elsewhere holds where the mailbox has not come so far; UIDs only rise (RFC 9051 §2.3.1.1).
    const { uid: given = 0 } = deposit.imported ?? {}
    const uid = Math.max(target.uidNext, given <= KEPT_UID_LIMIT ? given : 0)
    target.uidNext = uid + 1
    const modSeq = (target.highestModSeq = ++account.modSeq)
    const message = addMessage(tx, deposit, mailbox, uid, deposit.savedMs ?? this.#ctx.clock.now())
    if (deposit.imported !== undefined) noteImported(tx, deposit.imported, message)
    if (seenBy !== undefined) markSeen(tx, mailbox, seenBy, uid, modSeq)
    target.entries.push({ uid, flags, sizeOctets, modSeq, message, dateMs: deposit.internalDateMs })
    for (const counters of [account, target]) counters.octets += sizeOctets
    account.messages++
    if ((flags & SEEN) === 0) target.unseen++
    if ((flags & DELETED) !== 0) target.deleted++
    return { mailboxId: mailbox, uidValidity, uid, modSeq: BigInt(modSeq) }
  }

  /** Keywords that do not fit into the dictionary any more are left out: a message is worth more than its label. */
  #flagsOf(tx: Tx, flags: readonly string[], target: Target): number {
    if (!flags.some((flag) => !flag.startsWith('\\')))
      return flags.reduce((all, flag) => all | systemBit(flag), 0) & SYSTEM_BITS
    const dictionary = readDictionary(tx, target.mailbox, target.keywordVersion)
    const encoded = dictionary.encode(flags, this.#ctx.settings.mailbox_keyword_limit, true)
    saveDictionary(tx, target.mailbox, dictionary)
    target.keywordVersion = dictionary.version
    return encoded
  }
}
