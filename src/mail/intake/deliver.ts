/**
 * Mail that another MTA hands over for the mailboxes of its recipients (LMTP): it goes there and nowhere else, and each
 * recipient gets an answer of its own. RFC 2033 §4.2.
 */
import { publish } from '#src/base/mod.ts'
import { printAddress, printPath } from '../../formats/address/mod.ts'
import type { Reply } from '../../formats/smtp/mod.ts'
import type { Routed, Router } from '../routing/mod.ts'
import type { IntakePlanned } from './events.ts'
import { type HasRoom, plannedOf, type PlanInput } from './plan.ts'
import type { Plan, PlannedDeposit } from './record.ts'

/** What is known of one recipient before the commit. */
export type Outcome = { readonly reply: Reply } | { readonly account: number; readonly recipient: string }

export interface MailboxPlan {
  readonly plan: Plan
  /** In the order of the envelope. */
  readonly outcomes: readonly Outcome[]
}

type Input = Pick<PlanInput, 'queueId' | 'arrivalMs' | 'sizeOctets' | 'envelope'>

export async function planMailboxes(input: Input, router: Router, hasRoom: HasRoom): Promise<MailboxPlan> {
  const { queueId, arrivalMs, sizeOctets, envelope } = input
  const { ret, envid, body, smtpUtf8, verp } = envelope
  const sender = envelope.sender === '' ? '' : await router.canonicalSender(envelope.sender)
  const routed: Routed[] = []
  for (const { address } of envelope.recipients) routed.push(await router.mailbox(address))
  const recipients = routed.map((one, i) => plannedOf(envelope.recipients[i]?.address ?? '', one))
  publish<IntakePlanned>({ event: 'intake.planned', queueId, sender, recipients })
  const outcomes = routed.map(({ account, recipient }): Outcome => {
    if (account === undefined) return { reply: unknownUser(recipient) }
    return hasRoom(account.id, sizeOctets) ? { account: account.id, recipient } : { reply: mailboxFull(recipient) }
  })
  const deposits = new Map<number, PlannedDeposit>()
  for (const outcome of outcomes) {
    if ('reply' in outcome || deposits.has(outcome.account)) continue
    const { account, recipient } = outcome
    const prefix = `Return-Path: ${printPath(sender)}\r\nDelivered-To: ${printAddress(recipient)}\r\n`
    deposits.set(account, { account, recipient, original: recipient, prefix })
  }
  const facts = { queueId, arrivalMs, sender, sizeOctets, ret, envid, body, smtpUtf8, verp }
  const plan: Plan = {
    ...facts,
    hold: false,
    saslUsername: '',
    deposits: [...deposits.values()],
    queued: [],
    final: true,
  }
  return { plan, outcomes }
}

/** After the commit: only what lies in a mailbox is said to be there. */
export function repliesOf({ plan, outcomes }: MailboxPlan, deposited: readonly PlannedDeposit[]): readonly Reply[] {
  const saved = new Set(deposited.map(({ account }) => account))
  return outcomes.map((outcome) => {
    if ('reply' in outcome) return outcome.reply
    const { account, recipient } = outcome
    if (!saved.has(account)) return unknownUser(recipient) // removed meanwhile
    return { code: 250, enhanced: '2.0.0', lines: [`<${recipient}> ${plan.queueId} Saved`] }
  })
}

/** Dovecot's and Postfix's words, which postmasters search for. */
export function unknownUser(recipient: string): Reply {
  return { code: 550, enhanced: '5.1.1', lines: [`<${recipient}> User unknown`] }
}

export function mailboxFull(recipient: string): Reply {
  return { code: 452, enhanced: '4.2.2', lines: [`<${recipient}> Mailbox full`] }
}
