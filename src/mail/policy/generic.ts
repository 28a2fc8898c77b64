/**
 * Restrictions about nothing in particular: permit, reject, defer, policy services. SMTPD_ACCESS_README.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { applyAction } from './actions.ts'
import type { Outcome } from './evaluation.ts'
import type { Restrictions } from './restrictions.ts'

/** Longest pause that `sleep` makes: a command must not outlast the client's patience (RFC 5321 §4.5.3.2). */
const MAX_SLEEP_S = 240

export const genericRestrictions: Restrictions = {
  permit: { argument: 'none', ends: true, check: () => 'ok' },
  reject: {
    argument: 'none',
    ends: true,
    check: ({ ev, subject }) =>
      ev.reject(ev.rules.cf.reject_code, '5.7.1', `<${subject.name}>: ${subject.replyClass} rejected: Access denied`),
  },
  defer: {
    argument: 'none',
    ends: true,
    check: ({ ev, subject }) =>
      ev.reject(ev.rules.cf.defer_code, '4.3.2', `<${subject.name}>: ${subject.replyClass} rejected: Try again later`),
  },
  defer_if_permit: {
    argument: 'none',
    check: ({ ev, subject }) =>
      ev.deferOnPermit({
        code: 450,
        status: '4.7.0',
        text: `<${subject.name}>: ${subject.replyClass} rejected: defer_if_permit requested`,
      }),
  },
  defer_if_reject: {
    argument: 'none',
    check: ({ ev, subject }) =>
      ev.deferOnReject({
        code: 450,
        status: '4.7.0',
        text: `<${subject.name}>: ${subject.replyClass} rejected: defer_if_reject requested`,
      }),
  },
  sleep: {
    argument: 'number',
    check: async ({ argument }): Promise<Outcome> => {
      await sleep(Math.min(Number(argument), MAX_SLEEP_S) * 1000, undefined, { ref: false })
      return 'dunno'
    },
  },
  reject_plaintext_session: {
    argument: 'none',
    check: ({ ev }) =>
      ev.facts.tls === undefined
        ? ev.reject(ev.rules.cf.plaintext_reject_code, '4.7.1', 'Session encryption is required')
        : 'dunno',
  },
  // RFC 2920 §3.1: nothing may follow DATA before its answer, and without ESMTP nothing may follow anything.
  reject_unauth_pipelining: {
    argument: 'none',
    check: ({ ev, subject }) => {
      if (ev.facts.pendingInput !== true || (ev.facts.protocol === 'ESMTP' && ev.where !== 'DATA')) return 'dunno'
      const text = `<${subject.name}>: ${subject.replyClass} rejected: Improper use of SMTP command pipelining`
      return ev.reject(503, '5.5.0', text)
    },
  },
  reject_multi_recipient_bounce: {
    argument: 'none',
    check: ({ ev, subject }) => {
      const atEnd = ev.where === 'DATA' || ev.where === 'END-OF-MESSAGE'
      if (ev.facts.sender !== '' || ev.facts.recipientCount <= (atEnd ? 1 : 0)) return 'dunno'
      const text = `<${subject.name}>: ${subject.replyClass} rejected: Multi-recipient bounce`
      return ev.reject(ev.rules.cf.multi_recipient_bounce_reject_code, '5.5.3', text)
    },
  },
  check_policy_service: {
    argument: 'server',
    check: async (ask) => {
      const action = await ask.ev.rules.services.ask(ask.argument, ask.ev)
      return applyAction(ask, { table: ask.argument, key: 'policy query', value: action })
    },
  },
}
