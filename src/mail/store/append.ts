/**
 * APPEND: messages from a client through the log; and their replay after a power cut. RFC 9051 §6.3.12.
 * All messages of one command are one record, one after the other, so that its transaction takes in all of them or none
 * (RFC 3502); the message that REPLACE replaces goes in the same one (RFC 8508).
 */
import { hash } from 'node:crypto'
import type { Draft, MessageLog, Position } from '../../io/blobs/mod.ts'
import type { Tx } from '../../io/db/mod.ts'
import type { AccountId } from '../accounts/mod.ts'
import type { StoreContext } from './context.ts'
import type {
  Analyser,
  AppendAs,
  Appending,
  AppendOptions,
  Deposited,
  Imported,
  MailboxId,
  MessageFacts,
  Refusal,
  Replaced,
} from './contract.ts'
import type { Deposits } from './deposits.ts'
import { hasMessage, removeMessage } from './expunge.ts'
import { isImported } from './import-entries.ts'
import { mailboxByName, type MailboxRow } from './mailbox-rows.ts'
import { canonicalName } from './names.ts'
import { privateReader } from './private-seen.ts'
import type { Quota, Reservation } from './quota.ts'
import { type ReplacedFacts, replacedFacts } from './replaced.ts'

export const TRYCREATE: Refusal = { refused: 'TRYCREATE', text: 'No such mailbox' }
export const OVERQUOTA: Refusal = { refused: 'OVERQUOTA', text: 'The quota of the account is used up' }
const IMPORTED: Refusal = { refused: 'ALREADYEXISTS', text: 'Another import has taken it in' }
const REPLACED_GONE: Refusal = { refused: 'NONEXISTENT', text: 'The message to replace is gone' }

/** One message of a record. */
export interface AppendedFacts {
  readonly length: number
  readonly flags: readonly string[]
  readonly internalDateMs: number
  readonly imported?: Imported | undefined
}

/** What a record of an APPEND carries, as JSON: rule 1 of the log. */
export interface AppendFacts {
  readonly account: AccountId
  readonly mailbox: MailboxId
  readonly name: string
  /** Whose \Seen is meant; undefined: the mailbox's. */
  readonly reader?: AccountId
  readonly savedMs: number
  readonly messages: readonly AppendedFacts[]
  readonly replaces?: ReplacedFacts
}

const NOTHING = Buffer.alloc(0)

export interface AppendParts {
  readonly log: MessageLog
  readonly deposits: Deposits
  readonly quota: Quota
  readonly analyser: () => Analyser
}

/** The first message has the record's id, the others one of their own that follows from it. */
export function recordIdOf(record: Buffer, index: number): Buffer {
  return index === 0
    ? record
    : hash('sha256', Buffer.concat([record, Buffer.from(`${index}`)]), 'buffer').subarray(0, 16)
}

interface Taken extends AppendedFacts {
  readonly facts: MessageFacts
  readonly also: AppendOptions['also']
}

/** Refused where the mailbox is not there. */
export function beginAppend(
  ctx: StoreContext,
  parts: AppendParts,
  account: AccountId,
  name: string,
  { replaces, who = account }: AppendAs,
): Appending | Refusal {
  const row = mailboxByName(ctx.db.read, account, canonicalName(name))
  if (row === undefined || !row.selectable) return TRYCREATE
  const reader = privateReader(ctx, ctx.db.read, row, who)
  return new StoreAppending(ctx, parts, { account, name, row, replaces, reader })
}

interface Target {
  readonly account: AccountId
  readonly name: string
  readonly row: MailboxRow
  readonly replaces: Replaced | undefined
  readonly reader: AccountId | undefined
}

class StoreAppending implements Appending {
  readonly #ctx: StoreContext
  readonly #parts: AppendParts
  readonly #target: Target
  readonly #taken: Taken[] = []
  #draft: Draft | undefined
  #reserved: Reservation | undefined

  constructor(ctx: StoreContext, parts: AppendParts, target: Target) {
    this.#ctx = ctx
    this.#parts = parts
    this.#target = target
  }

  hasRoom(octets: number): boolean {
    const more = { octets: this.#net(octets) - this.#net(0), messages: this.#messages(1) - this.#messages(0) }
    return this.#parts.quota.hasRoom(this.#target.account, more.octets, more.messages)
  }

  /** What all that was taken and `more` octets add to the account: what is replaced in it makes room (RFC 8508 §3.4). */
  #net(more: number): number {
    return Math.max(0, (this.#draft?.size ?? 0) + more - (this.#replacesHere?.sizeOctets ?? 0))
  }

  #messages(more: number): number {
    return Math.max(0, this.#taken.length + more - (this.#replacesHere === undefined ? 0 : 1))
  }

  get #replacesHere(): Replaced | undefined {
    const { replaces, account } = this.#target
    return replaces !== undefined && (replaces.account ?? account) === account ? replaces : undefined
  }

  #reserve(octets: number): boolean {
    const messages = this.#messages(1)
    if (this.#reserved !== undefined) return this.#reserved.grow(octets, messages)
    this.#reserved = this.#parts.quota.reserve(this.#target.account, octets, messages)
    return this.#reserved !== undefined
  }

  async take(content: AsyncIterable<Buffer> | Iterable<Buffer>, options: AppendOptions): Promise<undefined | Refusal> {
    const { sizeOctets, flags, internalDateMs = this.#ctx.clock.now(), also, imported } = options
    if (!this.#reserve(this.#net(sizeOctets))) return OVERQUOTA
    const draft = (this.#draft ??= this.#parts.log.draft(sizeOctets))
    const from = draft.size
    const analyser = this.#parts.analyser()
    for await (const chunk of content) {
      analyser.push(chunk)
      const wait = draft.write(chunk)
      if (wait !== undefined) await wait
    }
    const length = draft.size - from
    if (length > sizeOctets && !this.#reserve(this.#net(0))) return OVERQUOTA
    this.#taken.push({ length, flags, internalDateMs, imported, facts: analyser.end(), also })
    return undefined
  }

  async commit(): Promise<readonly Deposited[] | Refusal> {
    const { account, name, row, replaces, reader } = this.#target
    if (this.#draft === undefined) throw new Error('An APPEND without a message')
    const savedMs = this.#ctx.clock.now()
    const named = replaces && replacedFacts(this.#ctx.db.read, replaces.mailbox, replaces.uid)
    if (replaces !== undefined && named === undefined) return REPLACED_GONE
    const facts: AppendFacts = {
      account,
      mailbox: row.id,
      name,
      savedMs,
      messages: this.#taken.map(({ length, flags, internalDateMs, imported }) => ({
        length,
        flags,
        internalDateMs,
        imported,
      })),
      ...(named !== undefined && { replaces: named }),
      ...(reader !== undefined && { reader }),
    }
    const { id } = this.#draft
    return this.#parts.log.commit('append', this.#draft, Buffer.from(JSON.stringify(facts)), (tx, at) => {
      if (this.#taken.some(({ imported }) => imported !== undefined && isImported(tx, imported))) return IMPORTED
      if (replaces !== undefined && !hasMessage(tx, replaces.mailbox, replaces.uid)) return REPLACED_GONE
      const deposited = this.#deposit(tx, at, id, savedMs)
      if (deposited === undefined) return TRYCREATE
      if (replaces !== undefined) removeMessage(this.#ctx, tx, replaces.mailbox, replaces.uid)
      return deposited
    })
  }

  /** undefined: the mailbox went away meanwhile. */
  #deposit(tx: Tx, at: Position, record: Buffer, savedMs: number): Deposited[] | undefined {
    const { account, name, row, reader } = this.#target
    const entry = { account, mailbox: name, prefix: NOTHING, savedMs, reader }
    const made: Deposited[] = []
    let from = 0
    for (const [i, { length, flags, internalDateMs, facts, also, imported }] of this.#taken.entries()) {
      const slice = { segment: at.segment, offset: at.offset + from, length }
      const message = { ...entry, recordId: recordIdOf(record, i), at: slice, facts, flags, internalDateMs, imported }
      const deposited = this.#parts.deposits.deposit(tx, row.id, message)
      if (deposited === undefined) return undefined // the first of them, or none
      also?.(tx)
      made.push(deposited)
      from += length
    }
    return made
  }

  discard(): void {
    this.#draft?.discard()
    this.#reserved?.release()
  }
}

/** One message. @throws what the log throws (LogFullError, LogFailedError) and what `content` throws; then nothing of it exists */
export async function appendMessage(
  appending: Appending | Refusal,
  content: AsyncIterable<Buffer> | Iterable<Buffer>,
  options: AppendOptions,
): Promise<Deposited | Refusal> {
  if ('refused' in appending) return appending
  try {
    const refused = await appending.take(content, options)
    if (refused !== undefined) return refused
    const made = await appending.commit()
    return 'refused' in made ? made : (made[0] ?? TRYCREATE)
  } finally {
    appending.discard()
  }
}
