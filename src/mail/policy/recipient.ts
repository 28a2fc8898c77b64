/**
 * Restrictions on the recipient, the ones against relaying above all.
 */
import { isRouted, split } from '../routing/mod.ts'
import { refuseNotQualified, refuseUnknownDomain, refuseUnlisted, refuseUnverified } from './addresses.ts'
import type { Deferral, Evaluation, Outcome } from './evaluation.ts'
import type { Restriction, Restrictions } from './restrictions.ts'

function onRecipient(check: (ev: Evaluation, recipient: string) => Outcome | Promise<Outcome>): Restriction {
  return {
    argument: 'none',
    check: ({ ev }) => (ev.facts.recipient === undefined ? 'dunno' : check(ev, ev.facts.recipient)),
  }
}

/** Mail for it ends here or is relayed for everybody, and no route in its local part leads elsewhere. */
export async function isAuthDestination(ev: Evaluation, recipient: string): Promise<boolean> {
  const routed = await ev.resolve(recipient)
  if (!ev.rules.cf.allow_untrusted_routing && isRouted(routed.recipient)) return false
  return routed.addressClass !== 'default'
}

const denied = (ev: Evaluation, recipient: string, soft: boolean): Outcome => {
  const code = ev.rules.cf.relay_domains_reject_code
  const text = `<${recipient}>: Relay access denied`
  return soft ? ev.reject(code - 100, '4.7.1', text) : ev.reject(code, '5.7.1', text)
}

const unlistedRecipient = onRecipient((ev, recipient) =>
  recipient === '' ? 'dunno' : refuseUnlisted(ev, recipient, 'recipient'),
)

export const recipientRestrictions: Restrictions = {
  permit_auth_destination: onRecipient(async (ev, r) => ((await isAuthDestination(ev, r)) ? 'ok' : 'dunno')),
  reject_unauth_destination: onRecipient(async (ev, r) =>
    (await isAuthDestination(ev, r)) ? 'dunno' : denied(ev, r, false),
  ),
  defer_unauth_destination: onRecipient(async (ev, r) =>
    (await isAuthDestination(ev, r)) ? 'dunno' : denied(ev, r, true),
  ),
  // Postfix's permitted our destinations and whoever's name was in relay_domains, and never reached what stood behind.
  check_relay_domains: {
    ...onRecipient(async (ev, r) => {
      if (await isAuthDestination(ev, r)) return 'dunno'
      const text = `<${r}>: Recipient address rejected: Relay access denied`
      return ev.reject(ev.rules.cf.relay_domains_reject_code, '5.7.1', text)
    }),
    removed: 'reject_unauth_destination',
  },
  permit_mx_backup: onRecipient(permitMxBackup),
  reject_unknown_recipient_domain: onRecipient((ev, r) => refuseUnknownDomain(ev, r, 'recipient')),
  reject_non_fqdn_recipient: onRecipient((ev, r) => refuseNotQualified(ev, r, 'recipient')),
  reject_unlisted_recipient: unlistedRecipient,
  check_recipient_maps: { ...unlistedRecipient, removed: 'reject_unlisted_recipient' },
  reject_unverified_recipient: onRecipient((ev, r) => (r === '' ? 'dunno' : refuseUnverified(ev, r, 'recipient'))),
}

/** permit_mx_backup: this host is an MX of the domain (and the primary ones are in permit_mx_backup_networks). */
async function permitMxBackup(ev: Evaluation, recipient: string): Promise<Outcome> {
  const routed = await ev.resolve(recipient)
  const { domain = '' } = split(routed.recipient)
  if (routed.addressClass === 'local') return 'ok'
  if (!ev.rules.cf.allow_untrusted_routing && isRouted(routed.recipient)) return 'dunno'
  if (routed.addressClass !== 'default') return 'ok'
  if (domain === '' || domain.startsWith('[')) return 'dunno'
  const say = (what: string): Deferral => ({
    code: 450,
    status: '4.4.4',
    text: `<${recipient}>: Recipient address rejected: Unable to look up ${what}`,
  })
  const answer = await ev.rules.dns.query(domain, 'MX')
  if (answer.status === 'failed') return ev.deferOnReject(say('mail exchanger information: Host not found, try again'))
  if (answer.status !== 'ok') return 'dunno' // an address alone makes no backup, although postconf(5) reads so
  const records = answer.records.slice(0, MAX_MX)
  const hosts = records.map((r) => r.value)
  if (hosts.every((host) => host === '.')) return 'dunno' // RFC 7505 §3
  if (!(await isOneOfUs(ev, hosts, say))) return 'dunno'
  if (ev.rules.cf.permit_mx_backup_networks === '') return 'ok'
  const best = Math.min(...records.map((r) => r.preference ?? 0))
  for (const { value, preference } of records)
    if (preference === best && !(await isBackedUp(ev, value, say))) return 'dunno'
  return 'ok'
}

/** MX records of one domain that are looked at. */
const MAX_MX = 100

async function isOneOfUs(ev: Evaluation, hosts: readonly string[], say: (what: string) => Deferral): Promise<boolean> {
  for (const host of hosts) if (await ev.orRetry(host, ev.rules.router.isLocalDomain(host))) return true
  for (const host of hosts) if (await isMe(ev, host, say)) return true
  return false
}

async function isMe(ev: Evaluation, host: string, say: (what: string) => Deferral): Promise<boolean> {
  const found = await ev.rules.dns.addresses(host)
  if (found.status === 'ok') return found.addresses.some((a) => ev.rules.router.isOwnAddress(a))
  ev.deferOnReject(say(`mail exchanger host ${host}: ${await whyNoAddress(ev, host)}`))
  return false
}

async function isBackedUp(ev: Evaluation, host: string, say: (what: string) => Deferral): Promise<boolean> {
  const found = await ev.rules.dns.addresses(host)
  if (found.status !== 'ok') {
    ev.deferOnReject(say(`host ${host} as mail exchanger: ${await whyNoAddress(ev, host)}`))
    return false
  }
  for (const address of found.addresses)
    if ((await ev.orRetry(host, ev.rules.mxBackupNetworks({ name: host, address }))) === undefined) return false
  return true
}

/** The system library's words (EAI_AGAIN, EAI_NODATA, EAI_NONAME), which Postfix passes on. */
async function whyNoAddress(ev: Evaluation, host: string): Promise<string> {
  const { status } = await ev.rules.dns.query(host, 'A')
  if (status === 'nxdomain') return 'Name or service not known'
  return status === 'failed' ? 'Temporary failure in name resolution' : 'No address associated with hostname'
}
