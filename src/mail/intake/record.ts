/**
 * What a message's record in the log brings about: written with the record, done in its transaction, done again by replay.
 * Rule 1 of the log: a record carries all its consequences.
 */
import { printAddress } from '../../formats/address/mod.ts'
import type { Position } from '../../io/blobs/mod.ts'
import type { Tx } from '../../io/db/mod.ts'
import type { ClientFacts, Completion, Enqueue, QueuedRecipient } from '../queue/mod.ts'

/** One mailbox entry: a recipient whose delivery is only a store write. */
export interface PlannedDeposit {
  readonly account: number
  /** As it was expanded to, for the log and Delivered-To. */
  readonly recipient: string
  /** As it stood in RCPT TO. */
  readonly original: string
  /** Return-Path, X-Original-To, Delivered-To, as lines. */
  readonly prefix: string
}

/** All that is to be done for a message; plain JSON in the record's facts. */
export interface Plan {
  readonly queueId: string
  readonly arrivalMs: number
  readonly sender: string
  readonly sizeOctets: number
  readonly ret?: 'FULL' | 'HDRS' | undefined
  readonly envid?: string | undefined
  readonly body?: '7BIT' | '8BITMIME' | 'BINARYMIME' | undefined
  readonly smtpUtf8: boolean
  readonly verp?: string | undefined
  readonly hold: boolean
  readonly saslUsername: string
  readonly client?: ClientFacts | undefined
  readonly trace?: 'verify' | 'deliver' | undefined
  readonly completes?: Completion | undefined
  /** The sender was told of its delay, by who had it before. */
  readonly warned?: boolean | undefined
  readonly deposits: readonly PlannedDeposit[]
  readonly queued: readonly QueuedRecipient[]
  /** Mail that ends here or is refused: nothing of it ever goes to the queue. */
  readonly final?: true
  /** Missing in records of earlier versions. */
  readonly forwarded?: readonly Forwarded[]
}

/** What an alias or list sends on: a message of its own in the queue, marked so that it cannot come back. */
export interface Forwarded {
  readonly queueId: string
  /** The address that sends on; the new message's Delivered-To. */
  readonly by: string
  readonly original: string
  readonly sender: string
  readonly recipients: readonly QueuedRecipient[]
}

export function encodePlan(plan: Plan): Buffer {
  return Buffer.from(JSON.stringify(plan))
}

/** Only reads what encodePlan wrote: the log checks each record's CRC before. */
export function decodePlan(facts: Buffer): Plan {
  return JSON.parse(facts.toString('utf8')) as Plan // see above
}

/** The store as intake sees it; plugged by main. `F` is what the store's analyser found in the message. */
export interface DepositPort<F> {
  /** undefined: the account is gone. */
  deposit(
    tx: Tx,
    entry: {
      readonly account: number
      readonly mailbox: string
      readonly recordId: Buffer
      readonly at: Position
      readonly prefix: Buffer
      readonly facts: F
      readonly flags: readonly string[]
      readonly internalDateMs: number
    },
  ): unknown
}

export interface QueuePort {
  enqueue(tx: Tx, message: Enqueue): void
  complete(tx: Tx, completion: Completion): void
}

export interface Applied {
  /** Deposits that were made. */
  readonly deposited: readonly PlannedDeposit[]
  /** Recipients of the message itself that stand in the queue now. */
  readonly queued: number
}

/**
 * Does what the plan says, inside the record's transaction. An account that went away meanwhile gets no entry: its mail is
 * returned, by the queue's error transport.
 */
export function applyPlan<F>(
  plan: Plan,
  ports: { readonly store: DepositPort<F>; readonly queue: QueuePort },
  tx: Tx,
  record: { readonly id: Buffer; readonly at: Position; readonly facts: F },
): Applied {
  const deposited: PlannedDeposit[] = []
  const queued: QueuedRecipient[] = [...plan.queued]
  for (const deposit of plan.deposits) {
    const made = ports.store.deposit(tx, {
      account: deposit.account,
      mailbox: 'INBOX',
      recordId: record.id,
      at: record.at,
      prefix: Buffer.from(deposit.prefix),
      facts: record.facts,
      flags: [],
      internalDateMs: plan.arrivalMs,
    })
    if (made !== undefined) deposited.push(deposit)
    else if (plan.final !== true) queued.push(returned(deposit, '5.1.1', 'account was removed'))
  }
  if (plan.completes !== undefined) ports.queue.complete(tx, plan.completes)
  if (queued.length > 0) ports.queue.enqueue(tx, toEnqueue(plan, queued, record))
  for (const { queueId, by, sender, recipients } of plan.forwarded ?? []) {
    const message = toEnqueue({ ...plan, queueId, sender }, recipients, record)
    ports.queue.enqueue(tx, { ...message, prefix: Buffer.from(`Delivered-To: ${printAddress(by)}\r\n`) })
  }
  return { deposited, queued: queued.length }
}

/** A recipient that only waits to be told of: RFC 3463 status and words in the nexthop of the error transport. */
export function returned(
  r: { readonly recipient: string; readonly original: string },
  status: string,
  text: string,
): QueuedRecipient {
  return { address: r.recipient, original: r.original, transport: 'error', nexthop: `${status} ${text}` }
}

function toEnqueue(
  plan: Plan,
  recipients: readonly QueuedRecipient[],
  record: { readonly id: Buffer; readonly at: Position },
): Enqueue {
  const {
    queueId,
    arrivalMs,
    sender,
    sizeOctets,
    ret,
    envid,
    body,
    smtpUtf8,
    verp,
    hold,
    saslUsername,
    client,
    trace,
    warned,
  } = plan
  return {
    queueId,
    arrivalMs,
    sender,
    sizeOctets,
    ret,
    envid,
    body,
    smtpUtf8,
    verp,
    hold,
    saslUsername,
    client,
    trace,
    warned,
    recordId: record.id,
    at: record.at,
    recipients,
    prefix: Buffer.alloc(0),
  }
}
