/**
 * Restrictions on the name in HELO and EHLO. RFC 5321 §4.1.1.1.
 */
import { isIP } from 'node:net'
import { isValidHostname, literalAddress } from '../routing/mod.ts'
import type { Evaluation, Outcome } from './evaluation.ts'
import { mailHost } from './mail-host.ts'
import type { Ask, Restriction, Restrictions } from './restrictions.ts'

const CLASS = 'Helo command'

/** Names are looked at by `check`, address literals for their syntax alone. */
function onName(check: (ev: Evaluation, name: string) => Outcome | Promise<Outcome>): Restriction {
  return {
    argument: 'none',
    check: ({ ev }: Ask) => {
      const { helo } = ev.facts
      if (helo === undefined) return 'dunno'
      return helo.startsWith('[') ? literal(ev, helo) : check(ev, helo)
    },
  }
}

function literal(ev: Evaluation, helo: string): Outcome {
  if (literalAddress(helo) !== undefined) return 'dunno'
  const text = `<${helo}>: ${CLASS} rejected: invalid ip address`
  return ev.reject(ev.rules.cf.invalid_hostname_reject_code, '5.5.2', text)
}

/** A final dot is no fault, two are. */
function withoutDot(name: string): string {
  return /[^.]\.$/.test(name) ? name.slice(0, -1) : name
}

const invalid = onName((ev, helo) => {
  const name = withoutDot(helo)
  // An address without brackets passes here, as it always did in Postfix; reject_non_fqdn_helo_hostname has it.
  if (isValidHostname(name) || isIP(name) !== 0) return 'dunno'
  return ev.reject(ev.rules.cf.invalid_hostname_reject_code, '5.5.2', `<${helo}>: ${CLASS} rejected: Invalid name`)
})

const notQualified = onName((ev, helo) => {
  const name = withoutDot(helo)
  if (isValidHostname(name) && name.includes('.')) return 'dunno'
  const text = `<${helo}>: ${CLASS} rejected: need fully-qualified hostname`
  return ev.reject(ev.rules.cf.non_fqdn_reject_code, '5.5.2', text)
})

const unknown = onName(async (ev, helo) => {
  const text = `<${helo}>: ${CLASS} rejected: Host not found`
  const { cf } = ev.rules
  switch (await mailHost(ev, helo, ['A', 'AAAA', 'MX'])) {
    case 'found':
    case 'null-mx':
      return 'dunno'
    case 'none':
      return ev.reject(cf.unknown_hostname_reject_code, '4.7.1', text)
    case 'failed':
      return ev.deferOnPermit({ code: 450, status: '4.7.1', text }, cf.unknown_helo_hostname_tempfail_action)
  }
})

export const helloRestrictions: Restrictions = {
  reject_invalid_helo_hostname: invalid,
  reject_invalid_hostname: invalid,
  reject_non_fqdn_helo_hostname: notQualified,
  reject_non_fqdn_hostname: notQualified,
  reject_unknown_helo_hostname: unknown,
  reject_unknown_hostname: unknown,
  // A client chooses its HELO freely: in a list that decides about relaying it is no reason to let anybody in.
  permit_naked_ip_address: {
    argument: 'none',
    removed: 'permit_mynetworks or permit_sasl_authenticated',
    check: ({ ev, subject }) => {
      const { helo } = ev.facts
      if (helo === undefined || isIP(helo) === 0) return 'dunno'
      return subject.replyClass === 'Recipient address' ? 'dunno' : 'ok'
    },
  },
}
