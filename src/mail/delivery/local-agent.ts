/**
 * Mail from the queue into mailboxes here: what was held, what a report was asked for, what had to wait. Postfix: local(8).
 */
import { type Clock, newRecordId } from '#src/base/mod.ts'
import type { Agent, DeliveryJob, QueueStore, RecipientResult } from '../queue/mod.ts'
import type { MessageFacts, Store } from '../store/mod.ts'

export interface LocalAgentDeps {
  readonly queue: Pick<QueueStore, 'deliverOnce'>
  readonly store: () => Pick<Store, 'analyser' | 'deposit' | 'hasRoom'>
  readonly clock: Clock
  /** The account that takes mail for the address; undefined where a command or a file would. */
  readonly accountOf: (address: string) => Promise<number | undefined>
}

/** Octets of a message that are looked at in one go. */
const PIECE = 1024 * 1024

export function createLocalAgent(deps: LocalAgentDeps): Agent {
  return {
    async deliver(job, report, signal) {
      let facts: MessageFacts | undefined
      for (const recipient of job.recipients) {
        if (signal.aborted) return
        facts ??= analyse(job, deps)
        report(recipient.id, await deliverTo(recipient, job, facts, deps), 'local')
      }
    },
  }
}

async function deliverTo(
  recipient: DeliveryJob['recipients'][number],
  job: DeliveryJob,
  facts: MessageFacts,
  { queue, store, clock, accountOf }: LocalAgentDeps,
): Promise<RecipientResult> {
  const account = await accountOf(recipient.address)
  if (account === undefined) {
    return { status: 'deferred', dsn: '4.3.5', text: 'commands, files and system users are not delivered to yet' }
  }
  if (!store().hasRoom(account, job.sizeOctets))
    return { status: 'deferred', dsn: '4.2.2', text: 'mailbox is full: the quota is used up' }
  const original = recipient.original === '' ? recipient.address : recipient.original
  const prefix = `Return-Path: <${job.sender}>\r\nX-Original-To: ${original}\r\nDelivered-To: ${recipient.address}\r\n`
  const made = await queue.deliverOnce(recipient.id, (tx) =>
    store().deposit(tx, {
      account,
      mailbox: 'INBOX',
      recordId: newRecordId(clock.now()),
      at: job.at,
      prefix: Buffer.from(prefix),
      facts,
      flags: [],
      internalDateMs: clock.now(),
    }),
  )
  return made === undefined
    ? { status: 'bounced', dsn: '5.1.1', text: 'account was removed' }
    : { status: 'sent', dsn: '2.0.0', text: 'delivered to mailbox' }
}

/** What the store keeps beside a message, from the slice alone: the queue's own prefix lines are not of it. */
function analyse(job: DeliveryJob, { store }: LocalAgentDeps): MessageFacts {
  const analyser = store().analyser()
  const prefix = job.sizeOctets - job.at.length
  for (let at = Math.max(0, prefix); at < job.sizeOctets;) {
    const piece = job.read(at, Math.min(job.sizeOctets, at + PIECE))
    if (piece.length === 0) break
    analyser.push(piece)
    at += piece.length
  }
  return analyser.end()
}
