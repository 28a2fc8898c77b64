/**
 * From an envelope to a plan: rewriting, expansion, routing; each recipient a mailbox entry or a queue row.
 */
import { publish } from '#src/base/mod.ts'
import { printAddress, printPath } from '../../formats/address/mod.ts'
import type { Envelope, EnvelopeRecipient } from '../../formats/smtp/mod.ts'
import type { ClientFacts, Completion, QueuedRecipient } from '../queue/mod.ts'
import type { Expanded, Routed, Router } from '../routing/mod.ts'
import type { Effect } from './contract.ts'
import { filterHop, type FilterRoute, filterRoute } from './filter-route.ts'
import type { IntakePlanned, PlannedRecipient } from './events.ts'
import { beyondAscii } from './smtputf8.ts'
import { type Forwarded, type Plan, type PlannedDeposit, returned } from './record.ts'

export interface PlanInput {
  readonly queueId: string
  readonly arrivalMs: number
  readonly sizeOctets: number
  readonly envelope: Envelope
  readonly effects: readonly Effect[]
  /** Its header section holds something outside ASCII. */
  readonly headerUtf8: boolean
  /** It requires SMTPUTF8 also where its client did not say so (smtputf8_autodetect_classes). */
  readonly detectsUtf8: boolean
  readonly saslUsername: string
  readonly client: ClientFacts | undefined
  readonly trace?: 'verify' | 'deliver' | undefined
  readonly completes?: Completion | undefined
  /** Delivered-To values already in the message, lower case: local(8)'s loop detection. */
  readonly deliveredTo: ReadonlySet<string>
  readonly enableOriginalRecipient: boolean
  /** Blind copies that the configuration asks for. */
  readonly copies: (sender: string) => Promise<readonly EnvelopeRecipient[]>
  /** content_filter, `''` for none, and the settings that complete it. */
  readonly filtering: { readonly contentFilter: string; readonly cf: Parameters<typeof filterRoute>[1] }
  /** Whether mail for an account by this transport is a mailbox entry at once; otherwise its agent has a say. */
  readonly atOnce: (transport: string) => boolean
  /** For each message that an alias sends on. */
  readonly newQueueId: () => string
}

/** Whether the account has room for the message; the store's, plugged by main. */
export type HasRoom = (account: number, octets: number) => boolean

interface Wanted {
  /** As in the envelope, less what its sender has been told of. */
  readonly recipient: EnvelopeRecipient
  readonly expanded: Expanded
}

export async function makePlan(input: PlanInput, router: Router, hasRoom: HasRoom): Promise<Plan> {
  const { envelope, effects, queueId, arrivalMs, sizeOctets, saslUsername, client } = input
  const sender = envelope.sender === '' ? '' : await router.canonicalSender(envelope.sender)
  const copies = await input.copies(sender)
  const redirect = effects.flatMap((e) => (e.action === 'redirect' ? [e.address] : [])).at(-1)
  // header_checks(5): REDIRECT overrides FILTER.
  const filter = redirect === undefined ? filterOf(input) : undefined
  const recipients = recipientsAfter([...envelope.recipients, ...copies], redirect, effects)
  const all = await expandAll(recipients, sender, router, filter)
  const wanted = servedOnce(all)
  publish<IntakePlanned>({ event: 'intake.planned', queueId, sender, recipients: wanted.map(planned) })
  const hold = effects.some((e) => e.action === 'hold')
  const told = input.trace === undefined ? tellOfAliases(all) : []
  const left = told.length === 0 ? wanted : wanted.map(withoutSuccess)
  const { deposits, queued, forwards } = sortOut(left, { sender, filter, hold }, input, hasRoom)
  queued.push(...told)
  const forwarded = forwards.map((f) => ({ ...f, queueId: input.newQueueId() }))
  const { ret, envid, body, verp } = envelope
  const beyond = input.headerUtf8 || [sender, ...wanted.map((one) => one.expanded.routed.recipient)].some(beyondAscii)
  return {
    queueId,
    arrivalMs,
    sender,
    sizeOctets,
    ret,
    envid,
    body,
    smtpUtf8: beyond && (envelope.smtpUtf8 || input.detectsUtf8),
    verp,
    hold,
    saslUsername,
    ...(queued.length + forwarded.length > 0 && client !== undefined && { client }),
    ...(input.trace !== undefined && { trace: input.trace }),
    ...(input.completes !== undefined && { completes: input.completes }),
    deposits,
    queued,
    ...(forwarded.length > 0 && { forwarded }),
  }
}

/**
 * The filter that the message goes through: FILTER's, else content_filter's. A question whether mail would arrive
 * (sendmail -bv) is not content.
 */
function filterOf({ effects, filtering, trace }: PlanInput): FilterRoute | undefined {
  if (trace === 'verify') return undefined
  const asked = effects.findLast((e) => e.action === 'filter')?.destination
  return filterRoute(asked ?? filtering.contentFilter, filtering.cf)
}

interface Sorted {
  readonly deposits: PlannedDeposit[]
  readonly queued: QueuedRecipient[]
  readonly forwards: readonly Forward[]
}

/** Each recipient a mailbox entry, a row of the message itself, or a row of a message that an alias sends on. */
function sortOut(
  wanted: readonly Wanted[],
  all: { readonly sender: string; readonly filter: FilterRoute | undefined; readonly hold: boolean },
  input: PlanInput,
  hasRoom: HasRoom,
): Sorted {
  const { sender, filter, hold } = all
  const deposits: PlannedDeposit[] = []
  const queued: QueuedRecipient[] = []
  const forwards = new Map<string, Forward>()
  const looped = new Set<string>()
  for (const one of wanted) {
    const { account } = one.expanded.routed
    const { forwarded } = one.expanded
    // Behind a filter the message comes back: only then it is delivered, or goes in circles.
    const loop = filter === undefined ? loopIn(one, input.deliveredTo) : undefined
    if (loop !== undefined) {
      if (!looped.has(loop)) queued.push(loopOf(one, loop))
      looped.add(loop)
    } else if (account === undefined || hold || filter !== undefined || waits(one, input)) {
      const { transport, nexthop } = one.expanded.routed
      const by = filter === undefined ? one.expanded.routedBy : 'filter'
      const row = withDsn(one, { ...address(one), transport, nexthop, ...(by && { routedBy: by }) })
      if (input.trace === 'verify') queued.push(asked(one, row))
      else if (forwarded === undefined || hold) queued.push(row)
      else addForward(forwards, { by: forwarded, original: one.recipient.address, sender: row.sender ?? sender }, row)
    } else if (!hasRoom(account.id, input.sizeOctets)) {
      queued.push(withDsn(one, returned(names(one), '5.2.2', 'mailbox is full: the quota is used up')))
    } else {
      const prefix = prefixLines(one.expanded.sender ?? sender, one, input)
      deposits.push({ account: account.id, ...names(one), prefix })
    }
  }
  return { deposits, queued, forwards: [...forwards.values()] }
}

/**
 * Nothing is sent on where mail is only asked about: who asked is told of all, and no owner of a list. Beyond an alias nobody
 * here is asked further, as local(8) does not.
 */
function asked({ expanded }: Wanted, row: QueuedRecipient): QueuedRecipient {
  const { sender: _, ...recipient } = row
  if (expanded.alias?.by !== 'alias_maps' || expanded.routed.addressClass === 'local') return recipient
  return { ...recipient, transport: 'discard', nexthop: `forwards to ${row.address}`, routedBy: 'local' }
}

function loopOf(one: Wanted, loop: string): QueuedRecipient {
  const name = { recipient: loop, original: one.expanded.original }
  return withDsn(one, returned(name, '5.4.6', `mail forwarding loop for ${loop}`))
}

type Forward = Omit<Forwarded, 'queueId' | 'recipients'> & { readonly recipients: QueuedRecipient[] }

/** Recipients that one alias sends on in the name of one sender are one message. */
function addForward(all: Map<string, Forward>, head: Omit<Forward, 'recipients'>, row: QueuedRecipient): void {
  const { sender: _, ...recipient } = row
  const key = `${head.by}\0${head.sender}\0${head.original}`
  const forward = all.get(key)
  if (forward === undefined) all.set(key, { ...head, recipients: [recipient] })
  else forward.recipients.push(recipient)
}

/** The address of ours on the way to this recipient that has had the message before (Postfix: delivered_hdr_find). */
function loopIn({ expanded }: Wanted, deliveredTo: ReadonlySet<string>): string | undefined {
  const { routed, delivered, forwarded } = expanded
  if (deliveredTo.size === 0) return undefined
  const here =
    routed.account !== undefined || routed.transport === 'local' || routed.transport === 'virtual'
      ? [routed.recipient, delivered]
      : []
  return [...here, ...(forwarded === undefined ? [] : [forwarded])].find((a) =>
    deliveredTo.has(printAddress(a).toLowerCase()),
  )
}

function planned({ recipient, expanded }: Wanted): PlannedRecipient {
  return plannedOf(recipient.address, expanded.routed)
}

export function plannedOf(original: string, routed: Routed): PlannedRecipient {
  const { account, recipient, transport, nexthop, path } = routed
  const name = account && (account.domain === '' ? account.localPart : `${account.localPart}@${account.domain}`)
  return { original, recipient, transport, nexthop, account: name, path }
}

/** RFC 3461 §6.2.7: whoever asks for reports of success is told of an alias, and of what it stands for nothing more. */
function tellOfAliases(wanted: readonly Wanted[]): QueuedRecipient[] {
  const told = new Map<string, QueuedRecipient>()
  for (const { recipient, expanded } of wanted) {
    const { alias } = expanded
    if (alias === undefined || recipient.notify?.includes('SUCCESS') !== true) continue
    told.set(`${recipient.address}\0${alias.address}`, {
      address: alias.address,
      original: recipient.address,
      transport: 'discard',
      // Postfix: local(8) finds the one, cleanup(8) the other.
      nexthop: `${alias.by === 'alias_maps' ? 'delivery via local: ' : ''}alias expanded`,
      notify: ['SUCCESS'],
      ...(recipient.orcpt !== undefined && { orcpt: recipient.orcpt }),
      told: alias.action,
    })
  }
  return [...told.values()]
}

function withoutSuccess({ recipient, expanded }: Wanted): Wanted {
  if (expanded.alias === undefined || recipient.notify === undefined) return { recipient, expanded }
  const left = recipient.notify.filter((word) => word !== 'SUCCESS')
  return { recipient: { ...recipient, notify: left.length === 0 ? ['NEVER'] : left }, expanded }
}

/** REDIRECT takes the place of all recipients, BCC comes beside them (access(5), header_checks(5)). */
function recipientsAfter(
  recipients: readonly EnvelopeRecipient[],
  redirect: string | undefined,
  effects: readonly Effect[],
): readonly EnvelopeRecipient[] {
  const [first] = recipients
  if (redirect !== undefined)
    return [{ address: redirect, ...(first && { original: first.original ?? first.address }) }]
  const bcc = effects.flatMap((e) => (e.action === 'bcc' ? [{ address: e.address, notify: ['NEVER' as const] }] : []))
  return bcc.length === 0 ? recipients : [...recipients, ...bcc]
}

async function expandAll(
  recipients: readonly EnvelopeRecipient[],
  sender: string,
  router: Router,
  filter: FilterRoute | undefined,
): Promise<Wanted[]> {
  const wanted: Wanted[] = []
  for (const recipient of recipients) {
    // Local aliases are local(8)'s, behind the filter.
    const found = await (filter === undefined
      ? router.expand(recipient.address, sender)
      : router.cleaned(recipient.address))
    for (const one of found) {
      const routed = filter === undefined ? one.routed : { ...one.routed, ...filterHop(filter, one.routed.recipient) }
      const { original = one.original } = recipient
      wanted.push({ recipient, expanded: { ...one, routed, original } })
    }
  }
  return wanted
}

/** An address that comes out twice is served once (Postfix: been_here). */
function servedOnce(wanted: readonly Wanted[]): Wanted[] {
  const seen = new Set<string>()
  return wanted.filter(({ expanded }) => {
    const { account, recipient: final, transport, nexthop } = expanded.routed
    const what = expanded.task === undefined ? final.toLowerCase() : `${expanded.task.owner} ${expanded.task.target}`
    const key = account === undefined ? `${transport}\0${nexthop}\0${what}` : `#${account.id}`
    const isNew = !seen.has(key)
    seen.add(key)
    return isNew
  })
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
function waits({ recipient, expanded }: Wanted, { trace, atOnce }: PlanInput): boolean {
  return trace !== undefined || recipient.notify?.includes('SUCCESS') === true || !atOnce(expanded.routed.transport)
}

function withDsn(one: Wanted, queued: QueuedRecipient): QueuedRecipient {
  const { notify, orcpt } = one.recipient
  const { sender, delivered, task, routed } = one.expanded // sender: of an owner- alias
  return {
    ...queued,
    ...(delivered !== routed.recipient && delivered !== queued.address && { delivered }),
    ...(task !== undefined && { task }),
    ...(sender !== undefined && { sender }),
    ...(notify !== undefined && { notify }),
    ...(orcpt !== undefined && { orcpt }),
  }
}

/** What local(8) puts in front: the envelope, kept where readers can see it. */
function prefixLines(sender: string, one: Wanted, input: PlanInput): string {
  const { original, delivered, forwarded } = one.expanded
  const originalTo = input.enableOriginalRecipient ? `X-Original-To: ${printAddress(original)}\r\n` : ''
  const by = forwarded === undefined ? '' : `Delivered-To: ${printAddress(forwarded)}\r\n`
  return `Return-Path: ${printPath(sender)}\r\n${originalTo}Delivered-To: ${printAddress(delivered)}\r\n${by}`
}
