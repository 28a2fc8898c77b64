/**
 * Restrictions on the sender: its form, its domain, and whose it is.
 */
import { quote, split, splitAddressExtension } from '../routing/mod.ts'
import { refuseNotQualified, refuseUnknownDomain, refuseUnlisted, refuseUnverified } from './addresses.ts'
import type { Evaluation, Outcome } from './evaluation.ts'
import type { Restriction, Restrictions } from './restrictions.ts'

/** Asked only where there is a sender that is not null. */
function onSender(check: (ev: Evaluation, sender: string) => Outcome | Promise<Outcome>): Restriction {
  return { argument: 'none', check: ({ ev }) => (ev.facts.sender ? check(ev, ev.facts.sender) : 'dunno') }
}

const unknownDomain = onSender((ev, sender) => refuseUnknownDomain(ev, sender, 'sender'))

/** Log-in names that own the sender, undefined for none: smtpd_sender_login_maps. */
async function ownersOf(ev: Evaluation, sender: string): Promise<string[] | undefined> {
  const { recipient: address } = await ev.resolve(sender)
  const keys = await loginKeys(ev, address)
  const found = await ev.orRetry(sender, ev.rules.senderLoginMaps.findFirst(keys))
  ev.step('smtpd_sender_login_maps', found ? `${found.table} ${found.key}` : address, found?.result ?? 'not found')
  return found?.result.split(/[\s,]+/).filter(Boolean)
}

/** user+ext@domain, user@domain, user+ext and user for this host's domains, @domain. */
async function loginKeys(ev: Evaluation, address: string): Promise<{ key: string; partial: boolean }[]> {
  const { cf, router } = ev.rules
  const { local, domain = '' } = split(quote(address))
  const cut = splitAddressExtension(quote(address), cf)
  const keys = [{ key: quote(address), partial: false }]
  if (cut) keys.push({ key: cut.bare, partial: true })
  if (domain.toLowerCase() === cf.myorigin.toLowerCase() || (await router.isLocalDomain(domain))) {
    keys.push({ key: local, partial: true })
    if (cut) keys.push({ key: split(cut.bare).local, partial: true })
  }
  keys.push({ key: `@${domain}`, partial: true })
  return keys
}

async function refuseNotOwner(ev: Evaluation, sender: string, letUnowned: boolean): Promise<Outcome> {
  const { sasl } = ev
  if (sasl === undefined) return 'dunno'
  const owners = await ownersOf(ev, sender)
  if (owners === undefined && letUnowned) return 'dunno'
  const login = sasl.username.toLowerCase()
  if (owners?.some((o) => o.toLowerCase() === login) === true) return 'dunno'
  return ev.reject(553, '5.7.1', `<${sender}>: Sender address rejected: not owned by user ${sasl.username}`)
}

/** Nobody logged in, and yet the sender is somebody's. */
async function refuseStranger(ev: Evaluation, sender: string): Promise<Outcome> {
  if (!ev.rules.cf.smtpd_sasl_auth_enable || ev.sasl !== undefined) return 'dunno'
  if ((await ownersOf(ev, sender)) === undefined) return 'dunno'
  return ev.reject(553, '5.7.1', `<${sender}>: Sender address rejected: not logged in`)
}

export const senderRestrictions: Restrictions = {
  reject_non_fqdn_sender: onSender((ev, sender) => refuseNotQualified(ev, sender, 'sender')),
  reject_unknown_sender_domain: unknownDomain,
  reject_unknown_address: unknownDomain,
  reject_unlisted_sender: onSender((ev, sender) => refuseUnlisted(ev, sender, 'sender')),
  reject_unverified_sender: onSender((ev, sender) => refuseUnverified(ev, sender, 'sender')),
  reject_authenticated_sender_login_mismatch: onSender((ev, sender) => refuseNotOwner(ev, sender, false)),
  reject_known_sender_login_mismatch: onSender(async (ev, sender) =>
    ev.sasl === undefined ? refuseStranger(ev, sender) : refuseNotOwner(ev, sender, true),
  ),
  reject_unauthenticated_sender_login_mismatch: onSender(refuseStranger),
}
