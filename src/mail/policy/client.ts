/**
 * Restrictions on who connects: name, address, log-in, certificate.
 */
import type { Evaluation, Outcome } from './evaluation.ts'
import type { Restriction, Restrictions } from './restrictions.ts'

// RFC 7372 §3.2: x.7.25 is for reverse DNS that was looked at and does not fit.
const unknownClient: Restriction = {
  argument: 'none',
  check: ({ ev }) => refuseName(ev, ev.facts.client.nameStatus, 'hostname', '4.7.25'),
}

function refuseName(
  ev: Evaluation,
  status: 'ok' | 'permanent' | 'temporary',
  what: string,
  enhanced: '4.7.1' | '4.7.25',
): Outcome {
  if (status === 'ok') return 'dunno'
  const code = status === 'permanent' ? ev.rules.cf.unknown_client_reject_code : 450
  return ev.reject(code, enhanced, `Client host rejected: cannot find your ${what}, [${ev.facts.client.address}]`)
}

async function byCertificate(ev: Evaluation, anyVerified: boolean): Promise<Outcome> {
  const { tls } = ev.facts
  if (tls === undefined) return 'dunno'
  if (anyVerified && tls.verified === true) return 'ok'
  for (const key of [tls.fingerprint, tls.keyFingerprint]) {
    if (key === undefined) continue
    if ((await ev.orRetry(ev.client, ev.rules.relayClientcerts.find(key))) !== undefined) return 'ok'
  }
  return 'dunno'
}

export const clientRestrictions: Restrictions = {
  permit_inet_interfaces: {
    argument: 'none',
    check: ({ ev }) => (ev.rules.router.isOwnAddress(ev.facts.client.address) ? 'ok' : 'dunno'),
  },
  permit_mynetworks: {
    argument: 'none',
    check: async ({ ev, subject }) => {
      const found = await ev.orRetry(subject.name, ev.rules.mynetworks(ev.facts.client))
      return found === undefined ? 'dunno' : 'ok'
    },
  },
  permit_sasl_authenticated: {
    argument: 'none',
    check: ({ ev }) => (ev.sasl === undefined ? 'dunno' : 'ok'),
  },
  permit_tls_clientcerts: { argument: 'none', check: ({ ev }) => byCertificate(ev, false) },
  permit_tls_all_clientcerts: { argument: 'none', check: ({ ev }) => byCertificate(ev, true) },
  reject_unknown_client_hostname: unknownClient,
  reject_unknown_client: unknownClient,
  reject_unknown_reverse_client_hostname: {
    argument: 'none',
    check: ({ ev }) => {
      const { reverseStatus, reverseName, nameStatus } = ev.facts.client
      const status = reverseStatus ?? (reverseName === 'unknown' ? nameStatus : 'ok')
      return refuseName(ev, status, 'reverse hostname', '4.7.1')
    },
  },
}
