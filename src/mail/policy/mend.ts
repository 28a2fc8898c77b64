/**
 * What restriction lists should be: spelt right, with today's names, strangers kept from relaying, and one's own
 * clients let in before names and lists are asked. The same as a postmaster would write by hand; nothing else changes.
 */
import type { Config } from '../../io/config/mod.ts'
import { LIST_PARAMETERS, setting, writtenList, written, type ListParameter } from './lists-in-config.ts'
import { nearest } from '../../io/config/mod.ts'
import { restrictions } from './restrictions.ts'
import type { Step } from './chain.ts'

/** A setting to write, or one to take out. */
export interface Mend {
  readonly parameter: string
  /** `name = value`, undefined: the setting goes. */
  readonly setting: string | undefined
}

/** Names that Postfix has given up, and the ones it gives today. */
export const NEW_NAMES: Readonly<Record<string, string>> = {
  reject_unknown_client: 'reject_unknown_client_hostname',
  reject_unknown_hostname: 'reject_unknown_helo_hostname',
  reject_invalid_hostname: 'reject_invalid_helo_hostname',
  reject_non_fqdn_hostname: 'reject_non_fqdn_helo_hostname',
  reject_rbl: 'reject_rbl_client',
  reject_unknown_address: 'reject_unknown_sender_domain',
  check_recipient_maps: 'reject_unlisted_recipient',
}

/** Lists that have been closed for years; some answer for whoever bought the name since. */
export const DEAD_LISTS: ReadonlySet<string> = new Set([
  'relays.ordb.org',
  'opm.blitzed.org',
  'list.dsbl.org',
  'multihop.dsbl.org',
  'unconfirmed.dsbl.org',
  'relays.mail-abuse.org',
  'blackholes.mail-abuse.org',
  'dialups.mail-abuse.org',
  'rbl-plus.mail-abuse.org',
  'cbl.abuseat.org',
  'relays.visi.com',
  'dnsbl.njabl.org',
  'combined.njabl.org',
  'dnsbl.ahbl.org',
  'dnsbl.sorbs.net',
  'dul.dnsbl.sorbs.net',
  'bl.spamcannibal.org',
  'ix.dnsbl.manitu.net',
  'blackholes.easynet.nl',
  'proxies.blackholes.wirehub.net',
  'bl.csma.biz',
])

const PERMITS = ['permit_sasl_authenticated', 'permit_mynetworks']
/** Checks by the client's own words or DNS: office machines and people at home fail them, log-in or not. */
const STRANGERS_ONLY = new Set([
  'reject_unknown_helo_hostname',
  'reject_non_fqdn_helo_hostname',
  'reject_invalid_helo_hostname',
  'reject_unknown_client_hostname',
  'reject_unknown_reverse_client_hostname',
  'reject_rbl_client',
  'reject_rhsbl_client',
  'reject_rhsbl_helo',
])

/** The lists that differ from what they should be, by parameter, in the order of a session. */
export function mendedLists(config: Config): readonly Mend[] {
  const mends: Mend[] = []
  const lists = new Map(LIST_PARAMETERS.map((p) => [p, mendList(config, p)]))
  moveRelayCheck(config, lists)
  for (const [parameter, table] of misplacedChecks(config)) {
    addAccess(lists, table)
    mends.push({ parameter, setting: undefined })
  }
  for (const [parameter, items] of lists) {
    const misspelt = misspeltList(config, parameter)
    const before = writtenList(config, parameter).chain.map(written)
    if (items.join('\n') !== before.join('\n') || misspelt !== undefined)
      mends.push({ parameter, setting: setting(parameter, items) })
    if (misspelt !== undefined) mends.push({ parameter: misspelt, setting: undefined })
  }
  if (mendsMapsRbl(config)) mends.push({ parameter: 'maps_rbl_domains', setting: undefined })
  return mends
}

function mendsMapsRbl(config: Config): boolean {
  return config.raw('maps_rbl_domains') !== undefined
}

/** Settings such as `check_client_access = hash:…`: restrictions, not parameters. */
export function misplacedChecks(config: Config): [parameter: string, table: string][] {
  return config.settings
    .filter((s) => /^check_\w+_access$/.test(s.name) && restrictions.has(s.name) && !isMacro(config, s.name))
    .map((s) => [s.name, config.raw(s.name) ?? ''])
}

function isMacro(config: Config, name: string): boolean {
  return config.settings.some((s) => new RegExp(`\\$[({]?${name}\\b`).test(s.value))
}

/** A setting whose name is this list's, misspelt (`stmpd_helo_restrictions`). */
export function misspeltList(config: Config, parameter: ListParameter): string | undefined {
  if (config.raw(parameter) !== undefined) return undefined
  const wrong = config.settings.find(
    (s) =>
      s.name !== parameter &&
      /restrict/.test(s.name) &&
      nearest(s.name, LIST_PARAMETERS) === parameter &&
      !(LIST_PARAMETERS as readonly string[]).includes(s.name) &&
      !isMacro(config, s.name),
  )
  return wrong?.name
}

/** One list: right spelling, new names, what is dead left out, one's own clients let in first. */
function mendList(config: Config, parameter: ListParameter): string[] {
  const name = misspeltList(config, parameter) ?? parameter
  const zones = listZones(config)
  const items = writtenList(config, name).chain.flatMap((step) => mendStep(step, zones))
  return isForStrangers(parameter) ? letInFirst(items) : items
}

function isForStrangers(parameter: ListParameter): boolean {
  return parameter === 'smtpd_client_restrictions' || parameter === 'smtpd_helo_restrictions'
}

function listZones(config: Config): string[] {
  return (config.value('maps_rbl_domains') ?? '').split(/[\s,]+/).filter((z) => z !== '' && !DEAD_LISTS.has(z))
}

function mendStep(step: Step, zones: readonly string[]): string[] {
  const name = step.rule.toLowerCase()
  if (name === 'reject_maps_rbl') return zones.map((z) => `reject_rbl_client ${z}`)
  if (name === 'permit_naked_ip_address') return []
  if (step.kind === 'restriction' && DEAD_LISTS.has(step.argument.replace(/=.*/, ''))) return []
  const right = step.kind === 'fault' && !restrictions.has(name) ? nearest(name, restrictions.keys()) : undefined
  const rule = right ?? NEW_NAMES[name] ?? step.rule
  return [written({ ...step, rule })]
}

/** Strangers' checks stand behind the permits. */
function letInFirst(items: readonly string[]): string[] {
  const first = items.findIndex((i) => STRANGERS_ONLY.has(i.replace(/^warn_if_reject /, '').split(' ')[0] ?? ''))
  if (first < 0) return [...items]
  const missing = PERMITS.filter((p) => !items.slice(0, first).includes(p))
  return [...missing, ...items]
}

/** check_relay_domains: the relay check gets a list of its own, and stands nowhere else. */
function moveRelayCheck(config: Config, lists: Map<ListParameter, string[]>): void {
  const old = LIST_PARAMETERS.filter((p) => lists.get(p)?.includes('check_relay_domains') === true)
  if (old.length === 0) return
  for (const parameter of old) {
    const items = (lists.get(parameter) ?? []).filter((i) => i !== 'check_relay_domains')
    // What the client list asks already need not be asked again for each recipient.
    const client = lists.get('smtpd_client_restrictions') ?? []
    const isRecipients = parameter === 'smtpd_recipient_restrictions'
    lists.set(parameter, isRecipients ? items.filter((i) => !STRANGERS_ONLY.has(i) || !client.includes(i)) : items)
  }
  if (!old.includes('smtpd_recipient_restrictions') && config.raw('smtpd_relay_restrictions') !== undefined) return
  const permits = (lists.get('smtpd_recipient_restrictions') ?? []).filter((i) => PERMITS.includes(i))
  lists.set('smtpd_relay_restrictions', [...permits, 'reject_unauth_destination'])
}

/**
 * An access table that was never asked: for clients and senders behind the permits, for recipients in front of them. None
 * of these lists decides about relaying, so that an OK in the table lets nobody relay.
 */
function addAccess(lists: Map<ListParameter, string[]>, table: string): void {
  const client = lists.get('smtpd_client_restrictions') ?? []
  const permits = client.filter((i) => PERMITS.includes(i))
  const others = client.filter((i) => !PERMITS.includes(i))
  lists.set('smtpd_client_restrictions', [
    ...(permits.length > 0 ? permits : PERMITS),
    `check_client_access ${table}`,
    `check_sender_access ${table}`,
    ...others,
  ])
  const recipients = lists.get('smtpd_recipient_restrictions') ?? []
  lists.set('smtpd_recipient_restrictions', [`check_recipient_access ${table}`, ...recipients])
}
