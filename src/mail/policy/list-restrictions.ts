/**
 * Restrictions by DNS lists: who is looked for, which answers count, and what is said to the listed. RFC 5782.
 */
import { isIP } from 'node:net'
import { reverseName } from '../../io/dns/mod.ts'
import { isValidHostname } from '../routing/mod.ts'
import type { ListAnswer } from './dns-lists.ts'
import type { Evaluation, Outcome, ReplyClass } from './evaluation.ts'
import { expandReply } from './reply-template.ts'
import { isAuthDestination } from './recipient.ts'
import type { Ask, Restriction, Restrictions } from './restrictions.ts'
import { fitStatus, splitStatus } from './status.ts'

/** `zone`, `zone=127.0.0.2`, `zone=127.0.0.[2;4..8]`. */
interface ListSpec {
  readonly zone: string
  readonly matches: (address: string) => boolean
}

function listSpec(argument: string): ListSpec | undefined {
  const equals = argument.indexOf('=')
  if (equals < 0) return { zone: argument, matches: () => true }
  const pattern = answerPattern(argument.slice(equals + 1))
  return pattern && { zone: argument.slice(0, equals), matches: pattern }
}

/** A test of answers like `127.0.[0..255].[2;4..8]`; undefined for what is no such pattern. */
export function answerPattern(text: string): ((address: string) => boolean) | undefined {
  const parts = text.match(/\[[^\]]*\]|[^.[\]]+/g) ?? []
  if (parts.length !== 4 || parts.join('.') !== text) return undefined
  const octets = parts.map(octetRanges)
  if (octets.some((o) => o === undefined)) return undefined
  return (address) => {
    const numbers = address.split('.').map(Number)
    return octets.every((ranges, i) =>
      ranges?.some(([low, high]) => (numbers[i] ?? -1) >= low && (numbers[i] ?? -1) <= high),
    )
  }
}

function octetRanges(part: string): [low: number, high: number][] | undefined {
  const items = part.startsWith('[') ? part.slice(1, -1).split(';') : [part]
  const ranges: [number, number][] = []
  for (const item of items) {
    const [, low, high] = (part.startsWith('[') ? /^(\d+)(?:\.\.(\d+))?$/ : /^(\d+)$/).exec(item) ?? []
    if (low === undefined || Number(high ?? low) > 255 || Number(low) > Number(high ?? low)) return undefined
    ranges.push([Number(low), Number(high ?? low)])
  }
  return ranges
}

/** The label under which a list keeps an address or a name; undefined: lists cannot have it. */
export function listLabel(kind: 'address' | 'name', what: string): string | undefined {
  if (kind === 'address') return reverseName(what)?.replace(/\.(in-addr|ip6)\.arpa$/, '')
  const domain = what.slice(what.lastIndexOf('@') + 1)
  return isIP(domain) === 0 && isValidHostname(domain) ? domain.toLowerCase() : undefined
}

/** One question, once an evaluation. */
function question(ev: Evaluation, label: string, zone: string): Promise<ListAnswer> {
  const name = `${label}.${zone}`
  let asked = ev.listQuestions.get(name)
  if (asked === undefined) ev.listQuestions.set(name, (asked = ev.rules.lists.ask(name, zone)))
  return asked
}

interface Target {
  readonly kind: 'address' | 'name'
  /** What is looked for, undefined: nothing to ask. */
  readonly of: (ev: Evaluation) => string | undefined
  readonly replyClass: ReplyClass
}

/** Whom the list restrictions look for, by name. */
const targets: Readonly<Record<string, Target>> = {
  reject_rbl_client: { kind: 'address', of: (ev) => ev.facts.client.address, replyClass: 'Client host' },
  reject_rbl: { kind: 'address', of: (ev) => ev.facts.client.address, replyClass: 'Client host' },
  permit_dnswl_client: { kind: 'address', of: (ev) => ev.facts.client.address, replyClass: 'Client host' },
  reject_rhsbl_client: { kind: 'name', of: (ev) => known(ev.facts.client.name), replyClass: 'Client host' },
  permit_rhswl_client: { kind: 'name', of: (ev) => known(ev.facts.client.name), replyClass: 'Client host' },
  reject_rhsbl_reverse_client: {
    kind: 'name',
    of: (ev) => known(ev.facts.client.reverseName),
    replyClass: 'Unverified Client host',
  },
  reject_rhsbl_helo: { kind: 'name', of: (ev) => ev.facts.helo, replyClass: 'Helo command' },
  reject_rhsbl_sender: { kind: 'name', of: (ev) => ev.facts.sender, replyClass: 'Sender address' },
  reject_rhsbl_recipient: { kind: 'name', of: (ev) => ev.facts.recipient, replyClass: 'Recipient address' },
}

function known(name: string): string | undefined {
  return name.toLowerCase() === 'unknown' ? undefined : name
}

/** Starts the questions of the lists that follow, so that they are under way together. */
function askAhead({ ev, following }: Ask): void {
  for (const step of following) {
    const target = targets[step.rule.toLowerCase()]
    const what = target?.of(ev)
    const spec = listSpec(step.argument)
    if (target === undefined || what === undefined || spec === undefined) continue
    const label = listLabel(target.kind, what)
    if (label !== undefined) void question(ev, label, spec.zone)
  }
}

/** Whether a list has it, with the right answer; recorded. */
async function isListed(
  ev: Evaluation,
  target: Target,
  argument: string,
): Promise<{ name: string; zone: string } | 'no' | 'failed'> {
  const what = target.of(ev)
  const spec = listSpec(argument)
  if (spec === undefined) return ev.misconfigured(`${argument}: bad filter of DNS list answers`)
  const label = what === undefined ? undefined : listLabel(target.kind, what)
  if (label === undefined) return 'no'
  const answer = await question(ev, label, spec.zone)
  const name = `${label}.${spec.zone}`
  ev.step('DNS list', name, answer.status === 'listed' ? answer.addresses.join(' ') : answer.status)
  if (answer.status === 'failed') {
    ev.rules.warn(`${name}: DNS list lookup error: ${answer.reason}`)
    return 'failed'
  }
  return answer.status === 'listed' && answer.addresses.some(spec.matches) ? { name, zone: spec.zone } : 'no'
}

async function refuseListed(ask: Ask, target: Target, argument: string): Promise<Outcome> {
  const { ev } = ask
  const listed = await isListed(ev, target, argument)
  // Mail is not refused because a list is away.
  if (typeof listed === 'string') return 'dunno'
  const text = await ev.rules.lists.text(listed.name)
  const { cf, rblReplyMaps } = ev.rules
  const template = await ev.orRetry(
    argument,
    rblReplyMaps.findFirst([argument, listed.zone].map((key) => ({ key, partial: false }))),
  )
  const said = expandReply(ev, template?.result ?? cf.default_rbl_reply, {
    rbl_code: String(cf.maps_rbl_reject_code),
    rbl_domain: listed.zone,
    rbl_reason: text,
    rbl_txt: text,
    rbl_what: target.of(ev) ?? '',
    rbl_class: target.replyClass,
  })
  const [, code, rest = ''] = /^([45]\d\d) (.*)$/s.exec(said) ?? []
  if (code === undefined) {
    ev.rules.warn(`rbl response code configuration error: ${said}`)
    return ev.reject(450, '4.7.1', 'Service unavailable')
  }
  const { status, text: line } = splitStatus(rest, '4.7.1')
  return ev.reject(Number(code), fitStatus(status, target.replyClass), line || 'Service unavailable')
}

function refusing(rule: string): Restriction {
  const target = targets[rule]
  return {
    argument: 'domain',
    check: (ask) => {
      if (ask.argument === '' || target === undefined) {
        ask.ev.rules.warn(`restriction ${rule} requires domain name argument`)
        return 'dunno'
      }
      askAhead(ask)
      return refuseListed(ask, target, ask.argument)
    },
  }
}

/** Lets listed clients in, but never past the relay check; a list that is away turns a later refusal into "try again". */
function permitting(rule: string): Restriction {
  const target = targets[rule]
  return {
    argument: 'domain',
    check: async (ask) => {
      const { ev, argument } = ask
      if (argument === '' || target === undefined) return 'dunno'
      askAhead(ask)
      const { recipient } = ev.facts
      if (recipient !== undefined && !(await isAuthDestination(ev, recipient))) return 'dunno'
      const listed = await isListed(ev, target, argument)
      if (listed === 'no') return 'dunno'
      if (listed !== 'failed') return 'ok'
      const text = `<${target.of(ev)}>: ${target.replyClass} rejected: Service unavailable`
      return ev.deferOnReject({ code: 450, status: '4.7.1', text })
    },
  }
}

export const dnsListRestrictions: Restrictions = {
  reject_rbl_client: refusing('reject_rbl_client'),
  reject_rbl: { ...refusing('reject_rbl'), removed: 'reject_rbl_client' },
  reject_rhsbl_client: refusing('reject_rhsbl_client'),
  reject_rhsbl_reverse_client: refusing('reject_rhsbl_reverse_client'),
  reject_rhsbl_helo: refusing('reject_rhsbl_helo'),
  reject_rhsbl_sender: refusing('reject_rhsbl_sender'),
  reject_rhsbl_recipient: refusing('reject_rhsbl_recipient'),
  permit_dnswl_client: permitting('permit_dnswl_client'),
  permit_rhswl_client: permitting('permit_rhswl_client'),
  reject_maps_rbl: {
    argument: 'none',
    removed: 'reject_rbl_client for each of maps_rbl_domains',
    check: async (ask) => {
      const target = targets['reject_rbl_client']
      if (target === undefined) return 'dunno'
      const zones = ask.ev.rules.cf.maps_rbl_domains.split(/[\s,]+/).filter(Boolean)
      askAhead({ ...ask, following: zones.map(listStep) })
      for (const zone of zones) {
        const outcome = await refuseListed(ask, target, zone)
        if (outcome !== 'dunno') return outcome
      }
      return 'dunno'
    },
  },
}

function listStep(zone: string): Ask['following'][number] {
  return { rule: 'reject_rbl_client', argument: zone, warn: false, kind: 'restriction' }
}
