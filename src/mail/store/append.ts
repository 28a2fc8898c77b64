/** APPEND: a message from a client through the log; and its replay after a power cut. RFC 9051 §6.3.12. */
import type { MessageLog, Replay } from '../../io/blobs/mod.ts'
import type { AccountId } from '../accounts/mod.ts'
import type { StoreContext } from './context.ts'
import type { Analyser, AppendOptions, Deposited, MailboxId, Refusal } from './contract.ts'
import { Deposits } from './deposits.ts'
import { lastMailboxId, mailboxByName } from './mailbox-rows.ts'
import { canonicalName } from './names.ts'
import type { Quota } from './quota.ts'

export const TRYCREATE: Refusal = { refused: 'TRYCREATE', text: 'No such mailbox' }
export const OVERQUOTA: Refusal = { refused: 'OVERQUOTA', text: 'The quota of the account is used up' }

/** What a record of an APPEND carries, as JSON: rule 1 of the log. */
interface AppendFacts {
  readonly account: AccountId
  readonly mailbox: MailboxId
  readonly name: string
  readonly flags: readonly string[]
  readonly internalDateMs: number
  /** Older records have none. */
  readonly savedMs?: number
}

const NOTHING = Buffer.alloc(0)

/** Octets analysed at once in replay. */
const REPLAY_CHUNK = 65_536

export interface AppendParts {
  readonly log: MessageLog
  readonly deposits: Deposits
  readonly quota: Quota
  readonly analyser: () => Analyser
}

/** @throws what the log throws (LogFullError, LogFailedError) and what `content` throws; then nothing of it exists */
export async function appendMessage(
  ctx: StoreContext,
  parts: AppendParts,
  account: AccountId,
  name: string,
  content: AsyncIterable<Buffer> | Iterable<Buffer>,
  options: AppendOptions,
): Promise<Deposited | Refusal> {
  const row = mailboxByName(ctx.db.read, account, canonicalName(name))
  if (row === undefined || !row.selectable) return TRYCREATE
  const reserved = parts.quota.reserve(account, options.sizeOctets)
  if (reserved === undefined) return OVERQUOTA
  const draft = parts.log.draft(options.sizeOctets)
  try {
    const analyser = parts.analyser()
    for await (const chunk of content) {
      analyser.push(chunk)
      const wait = draft.write(chunk)
      if (wait !== undefined) await wait
    }
    if (draft.size > options.sizeOctets && !reserved.grow(draft.size)) return OVERQUOTA
    const facts = analyser.end()
    const savedMs = ctx.clock.now()
    const { flags, internalDateMs = savedMs } = options
    const meant: AppendFacts = { account, mailbox: row.id, name, flags, internalDateMs, savedMs }
    const entry = { account, mailbox: name, recordId: draft.id, prefix: NOTHING, facts, flags, internalDateMs, savedMs }
    const made = await parts.log.commit('append', draft, Buffer.from(JSON.stringify(meant)), (tx, at) => {
      const deposited = parts.deposits.deposit(tx, row.id, { ...entry, at })
      if (deposited !== undefined) options.also?.(tx)
      return deposited
    })
    return made ?? TRYCREATE
  } finally {
    draft.discard()
    reserved.release()
  }
}

/**
 * Repeats an APPEND into the mailbox it was for, by id. One that was deleted stays so; one whose CREATE the power cut took
 * back, although it was told, is made again by its name.
 */
export function replayAppend(ctx: StoreContext, analyser: () => Analyser): Replay {
  const deposits = new Deposits(ctx)
  return (tx, record) => {
    const { id, facts, at } = record
    const meant = JSON.parse(facts.toString('utf8')) as AppendFacts // the log checked the record's sum; only we write it
    const found = analyser()
    for (let from = 0; from < at.length; from += REPLAY_CHUNK)
      found.push(record.read(from, Math.min(at.length, from + REPLAY_CHUNK)))
    const { account, mailbox, name, flags, internalDateMs, savedMs } = meant
    const entry = {
      account,
      mailbox: name,
      recordId: id,
      at,
      prefix: NOTHING,
      facts: found.end(),
      flags,
      internalDateMs,
      savedMs,
    }
    if (mailbox > lastMailboxId(tx)) deposits.deliver(tx, { ...entry, create: true })
    else deposits.deposit(tx, mailbox, entry)
  }
}
