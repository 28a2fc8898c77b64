/**
 * From an envelope to a plan: rewriting, expansion, routing; each recipient a mailbox entry or a queue row.
 */
import type { Envelope, EnvelopeRecipient } from '../../formats/smtp/mod.ts'
import type { QueuedRecipient } from '../queue/mod.ts'
import type { Expanded, Router } from '../routing/mod.ts'
import type { Effect } from './contract.ts'
import { type Plan, type PlannedDeposit, returned } from './record.ts'

export interface PlanInput {
  readonly queueId: string
  readonly arrivalMs: number
  readonly sizeOctets: number
  readonly envelope: Envelope
  readonly effects: readonly Effect[]
  readonly saslUsername: string
  /** Delivered-To values already in the message, lower case: local(8)'s loop detection. */
  readonly deliveredTo: ReadonlySet<string>
  readonly enableOriginalRecipient: boolean
}

/** Whether the account has room for the message; the store's, plugged by main. */
export type HasRoom = (account: number, octets: number) => boolean

interface Wanted {
  readonly recipient: EnvelopeRecipient
  readonly expanded: Expanded
}

export async function makePlan(input: PlanInput, router: Router, hasRoom: HasRoom): Promise<Plan> {
  const { envelope, effects, queueId, arrivalMs, sizeOctets, saslUsername } = input
  const sender = envelope.sender === '' ? '' : await router.canonicalSender(envelope.sender)
  const wanted = await expandAll(recipientsAfter(envelope.recipients, effects), router)
  const filter = effects.findLast((e) => e.action === 'filter')?.destination
  const hold = effects.some((e) => e.action === 'hold')
  const deposits: PlannedDeposit[] = []
  const queued: QueuedRecipient[] = []
  for (const one of wanted) {
    const { routed } = one.expanded
    if (
      input.deliveredTo.has(routed.recipient.toLowerCase()) &&
      (routed.account !== undefined || routed.transport === 'local')
    ) {
      queued.push(withDsn(one, returned(names(one), '5.4.6', `mail forwarding loop for ${routed.recipient}`)))
    } else if (routed.account === undefined || hold || filter !== undefined || wantsReport(one.recipient)) {
      queued.push(withDsn(one, { ...address(one), ...transportOf(one, filter) }))
    } else if (!hasRoom(routed.account.id, sizeOctets)) {
      queued.push(withDsn(one, returned(names(one), '5.2.2', 'mailbox is full: the quota is used up')))
    } else {
      deposits.push({
        account: routed.account.id,
        ...names(one),
        prefix: prefixLines(one.expanded.sender ?? sender, one, input),
      })
    }
  }
  const { ret, envid, body, smtpUtf8, verp } = envelope
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
    deposits,
    queued,
  }
}

/** REDIRECT takes the place of all recipients, BCC comes beside them (access(5)). */
function recipientsAfter(
  recipients: readonly EnvelopeRecipient[],
  effects: readonly Effect[],
): readonly EnvelopeRecipient[] {
  const redirect = effects.flatMap((e) => (e.action === 'redirect' ? [e.address] : [])).at(-1)
  const bcc = effects.flatMap((e) => (e.action === 'bcc' ? [{ address: e.address, notify: ['NEVER' as const] }] : []))
  return [...(redirect === undefined ? recipients : [{ address: redirect }]), ...bcc]
}

/** Expands each recipient; an address that comes out twice is served once (Postfix: been_here). */
async function expandAll(recipients: readonly EnvelopeRecipient[], router: Router): Promise<Wanted[]> {
  const seen = new Set<string>()
  const wanted: Wanted[] = []
  for (const recipient of recipients) {
    for (const expanded of await router.expand(recipient.address)) {
      const { account, recipient: final, transport, nexthop } = expanded.routed
      const key = account === undefined ? `${transport}\0${nexthop}\0${final.toLowerCase()}` : `#${account.id}`
      if (seen.has(key)) continue
      seen.add(key)
      wanted.push({ recipient, expanded })
    }
  }
  return wanted
}

const names = ({ expanded }: Wanted): { recipient: string; original: string } => ({
  recipient: expanded.routed.recipient,
  original: expanded.original,
})

const address = ({ expanded }: Wanted): { address: string; original: string } => ({
  address: expanded.routed.recipient,
  original: expanded.original,
})

/** `NOTIFY=SUCCESS` asks for a report: the queue sends it (RFC 3461 §5.2). */
function wantsReport(recipient: EnvelopeRecipient): boolean {
  return recipient.notify?.includes('SUCCESS') === true
}

function withDsn(one: Wanted, queued: QueuedRecipient): QueuedRecipient {
  const { notify, orcpt } = one.recipient
  const { sender } = one.expanded // of an owner- alias
  return {
    ...queued,
    ...(sender !== undefined && { sender }),
    ...(notify !== undefined && { notify }),
    ...(orcpt !== undefined && { orcpt }),
  }
}

/** FILTER transport:nexthop overrides routing for the whole message. */
function transportOf(one: Wanted, filter: string | undefined): { transport: string; nexthop: string } {
  const { transport, nexthop } = one.expanded.routed
  if (filter === undefined) return { transport, nexthop }
  const colon = filter.indexOf(':')
  const named = colon < 0 ? filter : filter.slice(0, colon)
  const next = colon < 0 ? '' : filter.slice(colon + 1)
  return { transport: named, nexthop: next === '' ? one.expanded.routed.recipient.replace(/^.*@/, '') : next }
}

/** What local(8) puts in front: the envelope, kept where readers can see it. */
function prefixLines(sender: string, one: Wanted, input: PlanInput): string {
  const { recipient, original } = names(one)
  const originalTo = input.enableOriginalRecipient ? `X-Original-To: ${original}\r\n` : ''
  return `Return-Path: <${sender}>\r\n${originalTo}Delivered-To: ${recipient}\r\n`
}
