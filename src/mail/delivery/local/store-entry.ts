/** Mail from the queue into a mailbox of the store, in the transaction that takes its recipient out of the queue. */
import { type Clock, newRecordId } from '#src/base/mod.ts'
import type { DeliveryJob, QueueStore, RecipientResult } from '../../queue/mod.ts'
import type { MessageFacts, Store } from '../../store/mod.ts'

export interface StoreEntryDeps {
  readonly queue: Pick<QueueStore, 'deliverOnce'>
  readonly store: () => Pick<Store, 'analyser' | 'deposit' | 'hasRoom'>
  readonly clock: Clock
}

/** Octets of a message that are looked at in one go. */
const PIECE = 1024 * 1024

export interface StoreEntry {
  readonly recipient: number
  readonly account: number
  /** Trace lines in front of all, CRLF. */
  readonly head: string
}

/** One message's way into mailboxes; it is analysed once. */
export class StoreEntries {
  readonly #job: DeliveryJob
  readonly #deps: StoreEntryDeps
  #facts: MessageFacts | undefined

  constructor(job: DeliveryJob, deps: StoreEntryDeps) {
    this.#job = job
    this.#deps = deps
  }

  async deliver({ recipient, account, head }: StoreEntry): Promise<RecipientResult> {
    const { queue, store, clock } = this.#deps
    const job = this.#job
    if (!store().hasRoom(account, job.sizeOctets))
      return { status: 'deferred', dsn: '4.2.2', text: 'mailbox is full: the quota is used up' }
    this.#facts ??= this.#analyse()
    const facts = this.#facts
    const ahead = job.sizeOctets - job.at.length
    const prefix = Buffer.concat([Buffer.from(head), ...(ahead > 0 ? [job.read(0, ahead)] : [])])
    const made = await queue.deliverOnce(recipient, (tx) =>
      store().deposit(tx, {
        account,
        mailbox: 'INBOX',
        recordId: newRecordId(clock.now()),
        at: job.at,
        prefix,
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
  #analyse(): MessageFacts {
    const job = this.#job
    const analyser = this.#deps.store().analyser()
    for (let at = Math.max(0, job.sizeOctets - job.at.length); at < job.sizeOctets;) {
      const piece = job.read(at, Math.min(job.sizeOctets, at + PIECE))
      if (piece.length === 0) break
      analyser.push(piece)
      at += piece.length
    }
    return analyser.end()
  }
}
