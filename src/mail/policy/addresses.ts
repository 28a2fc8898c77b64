/**
 * What is asked alike of senders and recipients: form, domain, listing, probe.
 */
import { isValidHostname, split } from '../routing/mod.ts'
import type { Evaluation, Outcome } from './evaluation.ts'
import { mailHost } from './mail-host.ts'
import { fitStatus } from './status.ts'

export type Role = 'sender' | 'recipient'

export function roleClass(role: Role): 'Sender address' | 'Recipient address' {
  return role === 'sender' ? 'Sender address' : 'Recipient address'
}

export function refuseNotQualified(ev: Evaluation, address: string, role: Role): Outcome {
  const { domain = '' } = split(address)
  if (domain.startsWith('[') && domain.endsWith(']')) return 'dunno'
  const name = /[^.]\.$/.test(domain) ? domain.slice(0, -1) : domain
  if (isValidHostname(name) && name.includes('.')) return 'dunno'
  const text = `<${address}>: ${roleClass(role)} rejected: need fully-qualified address`
  return ev.reject(ev.rules.cf.non_fqdn_reject_code, '4.5.2', text)
}

/** The domain must have an MX or an address, unless its mail ends here. */
export async function refuseUnknownDomain(ev: Evaluation, address: string, role: Role): Promise<Outcome> {
  const { recipient, addressClass } = await ev.resolve(address)
  const { domain = '' } = split(recipient)
  const isFinal = addressClass !== 'relay' && addressClass !== 'default'
  if (isFinal || domain === '' || (domain.startsWith('[') && domain.endsWith(']'))) return 'dunno'
  const { cf } = ev.rules
  const status = role === 'sender' ? '4.1.8' : '4.1.2'
  const text = `<${address}>: ${roleClass(role)} rejected: Domain not found`
  switch (await mailHost(ev, domain, ['MX', 'A', 'AAAA'])) {
    case 'found':
      return 'dunno'
    case 'none':
      return ev.reject(cf.unknown_address_reject_code, status, text)
    case 'failed':
      return ev.deferOnPermit({ code: 450, status, text }, cf.unknown_address_tempfail_action)
    case 'null-mx': {
      // RFC 7505 §4.
      const why = `<${address}>: ${roleClass(role)} rejected: Domain ${domain} does not accept mail (nullMX)`
      return role === 'sender' ? ev.reject(550, '4.7.27', why) : ev.reject(556, '4.1.10', why)
    }
  }
}

/** Once an evaluation for each role: the question stands implied at the end of the lists. */
export async function refuseUnlisted(ev: Evaluation, address: string, role: Role): Promise<Outcome> {
  if (ev.rules.cf.receive_override_options.includes('no_unknown_recipient_checks')) return 'dunno'
  if (role === 'sender' ? ev.senderListed : ev.recipientListed) return 'dunno'
  if (role === 'sender') ev.senderListed = true
  // Under warn_if_reject nothing was decided; the implied question decides.
  else if (!ev.warning) ev.recipientListed = true
  const unserved = await ev.orRetry(address, ev.rules.router.unlisted(address, role, ev.facts.sender))
  ev.step(`unlisted ${role}`, address, unserved?.text ?? 'listed')
  if (unserved === undefined) return 'dunno'
  const status = fitStatus(unserved.enhanced, roleClass(role))
  return ev.reject(unserved.code, status, `<${address}>: ${roleClass(role)} rejected: ${unserved.text}`)
}

/** reject_unverified_*: asks the mail system that the address belongs to. ADDRESS_VERIFICATION_README. */
export async function refuseUnverified(ev: Evaluation, address: string, role: Role): Promise<Outcome> {
  const { cf, deps } = ev.rules
  const status = role === 'sender' ? '4.1.7' : '4.1.1'
  const noProbe = role === 'sender' ? '4.1.0' : '4.1.1'
  const say = (what: string): string => `<${address}>: ${roleClass(role)} rejected: ${what}`
  const probe = (await deps.probe?.(address, role)) ?? { status: 'failed', text: '' }
  ev.step('probe', address, probe.status)
  const why = cf[`unverified_${role}_reject_reason`] || probe.text
  const action = cf[`unverified_${role}_tempfail_action`]
  switch (probe.status) {
    case 'deliverable':
      return 'dunno'
    case 'failed':
      return ev.deferOnPermit({ code: 450, status: noProbe, text: say('address verification problem') }, action)
    case 'deferred': {
      const text = say(`unverified address: ${why.slice(0, 250)}`)
      return ev.deferOnPermit({ code: cf[`unverified_${role}_defer_code`], status, text }, action)
    }
    case 'undeliverable': {
      const code = cf[`unverified_${role}_reject_code`]
      const what = code >= 500 ? 'undeliverable' : 'unverified'
      return code >= 200 && code < 300 ? 'dunno' : ev.reject(code, status, say(`${what} address: ${why}`))
    }
    default:
      return probe.status satisfies never
  }
}
