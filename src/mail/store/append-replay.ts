/** Repeats APPEND records after a power cut. */
import type { Replay } from '../../io/blobs/mod.ts'
import { type AppendFacts, type AppendedFacts, recordIdOf } from './append.ts'
import type { StoreContext } from './context.ts'
import type { Analyser, MessageFacts } from './contract.ts'
import { Deposits } from './deposits.ts'
import { lastMailboxId } from './mailbox-rows.ts'
import { removeReplaced } from './replaced.ts'

const NOTHING = Buffer.alloc(0)

/** Octets analysed at once in replay. */
const REPLAY_CHUNK = 65_536

/** Records of before several messages could be in one. */
type OldFacts = Omit<AppendFacts, 'messages' | 'savedMs'> &
  Omit<AppendedFacts, 'length'> & { readonly savedMs?: number }

type Record = Parameters<Replay>[1]

/**
 * Into the mailbox it was for, by id. One that was deleted stays so; one whose CREATE the power cut took back, although it
 * was told, is made again by its name. A REPLACE whose old message is not there brings the new one all the same: it may have
 * been refused for that, and then is there twice, but one that was acknowledged is not lost.
 */
export function replayAppend(ctx: StoreContext, analyser: () => Analyser): Replay {
  const deposits = new Deposits(ctx)
  return (tx, record) => {
    const { account, mailbox, name, savedMs, messages, replaces, reader } = meantBy(record)
    let from = 0
    for (const [i, { length, flags, internalDateMs, imported }] of messages.entries()) {
      const entry = {
        account,
        mailbox: name,
        recordId: recordIdOf(record.id, i),
        at: { segment: record.at.segment, offset: record.at.offset + from, length },
        prefix: NOTHING,
        facts: analyse(analyser(), record, from, from + length),
        flags,
        internalDateMs,
        savedMs,
        imported,
        reader,
      }
      if (mailbox > lastMailboxId(tx)) deposits.deliver(tx, { ...entry, create: true })
      else if (deposits.deposit(tx, mailbox, entry) === undefined) return
      from += length
    }
    if (replaces !== undefined) removeReplaced(ctx, tx, replaces)
  }
}

/** What an APPEND's record says. @param at of the whole content */
export function meantBy({
  facts,
  at,
}: Pick<Record, 'facts'> & { readonly at: { readonly length: number } }): AppendFacts {
  const meant = JSON.parse(facts.toString('utf8')) as AppendFacts | OldFacts // the log checked the record's sum; only we write it
  if ('messages' in meant) return meant
  const { flags, internalDateMs, savedMs = internalDateMs } = meant
  return { ...meant, savedMs, messages: [{ length: at.length, flags, internalDateMs }] }
}

function analyse(analyser: Analyser, record: Record, from: number, to: number): MessageFacts {
  for (let at = from; at < to; at += REPLAY_CHUNK) analyser.push(record.read(at, Math.min(to, at + REPLAY_CHUNK)))
  return analyser.end()
}
