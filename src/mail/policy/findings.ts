/**
 * What can be told about restrictions, domains and address tables before any mail comes: for `postigo check`.
 */
import type { Config, Finding } from '../../io/config/mod.ts'
import type { Tables } from '../../io/tables/mod.ts'
import type { DnsLists } from './dns-lists.ts'
import { domainFindings } from './findings-domains.ts'
import { tableFindings } from './findings-tables.ts'
import type { Step } from './chain.ts'
import {
  LIST_PARAMETERS,
  setting,
  written,
  writtenList,
  type ListParameter,
  type WrittenList,
} from './lists-in-config.ts'
import { DEAD_LISTS, mendedLists, misplacedChecks, misspeltList, NEW_NAMES } from './mend.ts'
import { nearest } from '../../io/config/mod.ts'
import { guardAt, relayLists } from './relay-guard.ts'
import { restrictions } from './restrictions.ts'

export interface FindingsInput {
  readonly config: Config
  readonly tables: Tables
  /** Where DNS may be asked: lists are tried as RFC 5782 §5 says. */
  readonly lists?: DnsLists
}

/** In the order of lists; the same fault is told once. */
export async function policyFindings(input: FindingsInput): Promise<readonly Finding[]> {
  const { config } = input
  const found: Finding[] = []
  for (const parameter of LIST_PARAMETERS) found.push(...listFindings(config, writtenList(config, parameter)))
  for (const name of classNames(config)) found.push(...listFindings(config, writtenList(config, name)))
  found.push(...misspeltFindings(config), ...misplacedFindings(config), ...relayFindings(config))
  found.push(...adviceFindings(config), ...mapsRblFindings(config))
  if (input.lists !== undefined) found.push(...(await deadListFindings(config, input.lists)))
  found.push(...(await domainFindings(input)), ...(await tableFindings(input)))
  return found
}

/** A finding at the place where `name` is set. */
export function at(
  config: Config,
  name: string,
  severity: Finding['severity'],
  text: string,
  proposal?: string,
): Finding {
  const { file, line } = config.origin(name) ?? { file: config.file, line: 0 }
  return { severity, file, line, name, text, ...(proposal === undefined ? {} : { proposal }) }
}

function classNames(config: Config): string[] {
  return (config.value('smtpd_restriction_classes') ?? '').split(/[\s,]+/).filter(Boolean)
}

/** The mended text of a list, where it differs. */
function mended(config: Config, parameter: string): string | undefined {
  return mendedLists(config).find((m) => m.parameter === parameter)?.setting
}

function listFindings(config: Config, list: WrittenList): Finding[] {
  const found: Finding[] = []
  for (const [i, step] of list.chain.entries()) {
    found.push(...stepFindings(config, list, step))
    const next = list.chain[i + 1]
    if (step.restriction?.ends === true && !step.warn && next !== undefined)
      found.push(
        at(config, list.parameter, 'warning', `${written(next)} stands behind ${step.rule} and is never asked`),
      )
  }
  return found
}

function stepFindings(config: Config, { parameter, chain }: WrittenList, step: Step): Finding[] {
  const name = step.rule.toLowerCase()
  if (step.kind === 'fault') {
    const right = restrictions.has(name) ? undefined : nearest(name, [...restrictions.keys(), ...classNames(config)])
    const proposal =
      right &&
      setting(
        parameter,
        chain.map((s) => written(s === step ? { ...s, rule: right } : s)),
      )
    const what = `${step.argument}: mail that comes to it is answered 451 4.3.5 Server configuration error`
    return [at(config, parameter, 'warning', what, proposal)]
  }
  if (name === 'check_relay_domains') {
    const text =
      'check_relay_domains is no longer Postfix’s: it ended the list, so that nothing behind it was asked, and let in ' +
      'clients by name. It is treated as reject_unauth_destination, with its own reply'
    return [at(config, parameter, 'warning', text, mended(config, 'smtpd_relay_restrictions'))]
  }
  const successor = step.restriction?.removed ?? NEW_NAMES[name]
  if (successor === undefined) return []
  const removed = step.restriction?.removed !== undefined
  const text = `${step.rule} is ${removed ? 'no longer Postfix’s' : 'an old name'}: today it is ${successor}`
  return [at(config, parameter, removed ? 'warning' : 'note', text, mended(config, parameter))]
}

function misspeltFindings(config: Config): Finding[] {
  return LIST_PARAMETERS.flatMap((parameter) => {
    const wrong = misspeltList(config, parameter)
    if (wrong === undefined) return []
    const advice = /_(client|helo)_/.test(parameter)
      ? '. Spelt right alone it would refuse the machines of this network and everyone who logs in: let those in first'
      : ''
    const text = `${wrong} is no parameter and has no effect: ${parameter} is meant${advice}`
    return [at(config, wrong, 'warning', text, mended(config, parameter))]
  })
}

function misplacedFindings(config: Config): Finding[] {
  return misplacedChecks(config).map(([name]) => {
    const text =
      `${name} is a restriction, not a parameter: the table is never asked. It belongs into lists for client, sender and ` +
      'recipient, and in none that decides about relaying: there an OK for a sender would let anybody relay'
    const lists = ['smtpd_client_restrictions', 'smtpd_recipient_restrictions'].map((p) => mended(config, p))
    return at(config, name, 'warning', text, lists.filter(Boolean).join('\n'))
  })
}

/** What a stranger chooses: an OK for it in front of the relay check makes an open relay. */
const FORGEABLE =
  /^check_(sender|helo|client)(_[a-z_]+)?_access$|^permit_naked_ip_address$|^permit_(dnswl|rhswl)_client$|^permit_mx_backup$/

/** postconf(5): one of the two lists must keep strangers from relaying. */
function relayFindings(config: Config): Finding[] {
  const lists = relayLists(config)
  const guarded = lists.filter(({ chain }) => guardAt(chain, config) >= 0)
  if (guarded.length === 0) {
    const text =
      'neither smtpd_relay_restrictions nor smtpd_recipient_restrictions keeps strangers from relaying: Postfix would not ' +
      'start, and this host would be an open relay'
    const proposal =
      'smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination'
    return [at(config, 'smtpd_relay_restrictions', 'error', text, proposal)]
  }
  const traps = guarded.map((l) => ({ list: l, trap: l.chain.slice(0, guardAt(l.chain, config)).find(isTrap) }))
  if (traps.some((t) => t.trap === undefined)) return []
  return traps.map(({ list, trap }) => {
    const text =
      `${trap?.rule} stands before the relay check of ${list.parameter}: whoever claims what the table says OK to may relay ` +
      'to anywhere. Put it behind the relay check, or answer DUNNO instead of OK'
    return at(config, list.parameter, 'warning', text)
  })
}

function isTrap(step: Step): boolean {
  return (
    step.kind === 'restriction' &&
    FORGEABLE.test(step.rule.toLowerCase()) &&
    !/^(permit_(dnswl|rhswl|mx))/.test(step.rule)
  )
}

/** Checks of names and DNS in front of the permits refuse one's own people. */
function adviceFindings(config: Config): Finding[] {
  const refusing =
    /^reject_(unknown|non_fqdn|invalid)_(helo_)?(client_)?(host)?name$|^reject_unknown_client(_hostname)?$|^reject_unknown_hostname$/
  return (['smtpd_client_restrictions', 'smtpd_helo_restrictions'] as const satisfies ListParameter[]).flatMap(
    (parameter) => {
      const { chain } = writtenList(config, parameter)
      const first = chain.findIndex((s) => refusing.test(s.rule.toLowerCase()) && !s.warn)
      const before = chain.slice(0, Math.max(0, first)).map((s) => s.rule.toLowerCase())
      const missing = ['permit_sasl_authenticated', 'permit_mynetworks'].filter((p) => !before.includes(p))
      if (first < 0 || missing.length === 0) return []
      const text =
        `${chain[first]?.rule} is asked before ${missing.join(' and ')}: the names of office machines, and of people at home ` +
        'who log in, are seldom in DNS, and they are refused'
      return [at(config, parameter, 'warning', text, mended(config, parameter))]
    },
  )
}

function mapsRblFindings(config: Config): Finding[] {
  if (config.raw('maps_rbl_domains') === undefined) return []
  const zones = (config.value('maps_rbl_domains') ?? '').split(/[\s,]+/).filter(Boolean)
  const dead = zones.filter((z) => DEAD_LISTS.has(z))
  const gone = dead.length === 0 ? '' : `. These lists have been closed: ${dead.join(', ')}`
  const text = `maps_rbl_domains is no longer Postfix’s: today each list stands as reject_rbl_client in a restriction list${gone}`
  return [at(config, 'maps_rbl_domains', 'warning', text, mended(config, 'smtpd_client_restrictions'))]
}

/** Lists that are asked: closed ones by name, others by their test entries. */
async function deadListFindings(config: Config, lists: DnsLists): Promise<Finding[]> {
  const asked = new Map<string, string>()
  for (const parameter of LIST_PARAMETERS)
    for (const { restriction, argument } of writtenList(config, parameter).chain)
      if (restriction?.argument === 'domain' && argument !== '') asked.set(argument.replace(/=.*/, ''), parameter)
  for (const zone of (config.value('maps_rbl_domains') ?? '').split(/[\s,]+/).filter(Boolean))
    asked.set(zone, 'maps_rbl_domains')
  const faults = await Promise.all(
    Array.from(asked, async ([zone, parameter]) => {
      const isRhs = writtenList(config, parameter).chain.some((s) => s.argument.startsWith(zone) && /rhs/.test(s.rule))
      return { parameter, fault: await lists.fault(zone, isRhs ? 'name' : 'address') }
    }),
  )
  return faults.flatMap(({ parameter, fault }) =>
    fault === undefined
      ? []
      : [at(config, parameter, 'warning', `DNS list ${fault}; it is passed over (RFC 5782, section 5)`)],
  )
}
