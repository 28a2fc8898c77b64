/** Every restriction that asks the client, HELO, sender or recipient: hit, missed, and with DNS failing. */
import type { Session } from '../world.ts'
import { upToRcpt } from './steps.ts'

/** A way in which a session may come. */
interface Traffic {
  readonly name: string
  readonly client?: string
  readonly helo?: string
  readonly from?: string
  readonly to?: string
}

const xclient = (address: string, name: string, reverse = name): string =>
  `ADDR=${address} NAME=${name} REVERSE_NAME=${reverse} PORT=4711`

const CLIENTS: readonly Traffic[] = [
  { name: 'a stranger' },
  { name: 'mynetworks', client: xclient('198.51.100.3', 'inside.example.test') },
  { name: 'no name', client: xclient('192.0.2.66', '[UNAVAILABLE]') },
  { name: 'name for now unknown', client: xclient('192.0.2.66', '[TEMPUNAVAIL]') },
  { name: 'name not verified', client: xclient('192.0.2.66', '[UNAVAILABLE]', 'client.bad.test') },
  { name: 'listed', client: xclient('192.0.2.66', 'client.bad.test') },
  { name: 'listed otherwise', client: xclient('192.0.2.67', 'client.good.test') },
  { name: 'IPv6', client: xclient('IPV6:2001:db8::66', 'six.test') },
  { name: 'logged in', client: `${xclient('192.0.2.7', 'client.example.test')} LOGIN=ana` },
]
const HELOS: readonly Traffic[] = [
  'known.test',
  'nowhere.invalid',
  'x.fail.test',
  'short',
  '[192.0.2.7]',
  '[IPv6:2001:db8::1]',
  '192.0.2.7',
  '[1.2.3]',
  'bad_name.test',
  '-bad.test',
  'a..b',
  'bad.test',
  'six.test',
  'deadmx.test',
  'known.test.',
  'txtonly.test',
].map((helo) => ({ name: `HELO ${helo}`, helo }))
const SENDERS: readonly Traffic[] = [
  '',
  'a@known.test',
  'a@nowhere.invalid',
  'a@x.fail.test',
  'a@short',
  'plain',
  'a@nullmx.test',
  'a@failmx.test',
  'a@deadmx.test',
  'a@txtonly.test',
  'a@aonly.test',
  'a@deadtxt.test',
  'a@me.test',
  'a@metoo.test',
  'a@nowhere.test',
  'a@loopmx.test',
  'a@alias.test',
  'a@txtonly.test',
  'a@six.test',
  'a@[192.0.2.7]',
  'a@[1.2.3]',
  'a@bad.test',
  'a@good.test',
  'nobody@local.test',
  'rcpt@local.test',
  'a@virtual.test',
].map((from) => ({ name: `from <${from}>`, from }))
const RECIPIENTS: readonly Traffic[] = [
  'rcpt@local.test',
  'nobody@local.test',
  'rcpt@virtual.test',
  'nobody@virtual.test',
  'a@alias-domain.test',
  'nobody@alias-domain.test',
  'a@relay.test',
  'nobody@relay.test',
  'a@known.test',
  'a@backup.test',
  'a@nowhere.invalid',
  'a@x.fail.test',
  'a@short',
  'plain',
  'a@nullmx.test',
  'a@failmx.test',
  'a@deadmx.test',
  'a@txtonly.test',
  'a@aonly.test',
  'a@deadtxt.test',
  'a@me.test',
  'a@metoo.test',
  'a@nowhere.test',
  'a@[192.0.2.7]',
  'a@bad.test',
  'user%known.test@local.test',
  'a@known.test@local.test',
  'known.test!a',
  '@local.test:a@known.test',
].map((to) => ({ name: `to <${to}>`, to }))

const BY_CLIENT = [
  'permit_mynetworks',
  'permit_sasl_authenticated',
  'permit_inet_interfaces',
  'permit_tls_clientcerts',
  'permit_tls_all_clientcerts',
  'reject_unknown_client_hostname',
  'reject_unknown_reverse_client_hostname',
  'reject_rbl_client rbl.test',
  'reject_rbl_client rbl.test=127.0.0.4',
  'reject_rbl_client rbl.test=127.0.0.[2..3]',
  'reject_rbl_client x.fail.test',
  'permit_dnswl_client dnswl.test',
  'permit_dnswl_client dnswl.test=127.0.[0..9].[0..3]',
  'permit_dnswl_client x.fail.test',
  'reject_rhsbl_client rhsbl.test',
  'reject_rhsbl_reverse_client rhsbl.test',
  'permit_rhswl_client rhswl.test',
  'reject_plaintext_session',
  'reject_unauth_pipelining',
]
const BY_HELO = [
  'reject_invalid_helo_hostname',
  'reject_non_fqdn_helo_hostname',
  'reject_unknown_helo_hostname',
  'reject_rhsbl_helo rhsbl.test',
]
const BY_SENDER = [
  'reject_non_fqdn_sender',
  'reject_unknown_sender_domain',
  'reject_unlisted_sender',
  'reject_rhsbl_sender rhsbl.test',
  'reject_rhsbl_sender x.fail.test',
]
const BY_RECIPIENT = [
  'reject_non_fqdn_recipient',
  'reject_unknown_recipient_domain',
  'reject_unlisted_recipient',
  'reject_unauth_destination',
  'defer_unauth_destination',
  'permit_auth_destination',
  'permit_mx_backup',
  'reject_rhsbl_recipient rhsbl.test',
]
const FIXED = [
  'permit',
  'reject',
  'defer',
  'defer_if_permit',
  'defer_if_reject',
  'warn_if_reject reject',
  'warn_if_reject, reject',
  'reject_multi_recipient_bounce',
  'sleep 0',
  'no_such_restriction',
  'check_client_access',
  'reject_rbl_client',
  'a_class',
  'hash:$config_directory/bare',
  'defer_if_permit, reject',
  'defer_if_reject, reject',
  'defer_if_permit, permit',
  'permit, reject',
  'warn_if_reject, defer_if_permit',
  'warn_if_reject, permit',
  'warn_if_reject, reject_unauth_destination',
]

/** What stands behind the restriction that is tried, so that its silence is seen. */
const THEN: Readonly<Record<List, string>> = {
  client: ', check_client_access static:{REJECT fell through}',
  helo: ', check_client_access static:{REJECT fell through}',
  sender: ', check_client_access static:{REJECT fell through}',
  relay: ', reject_unauth_destination, check_client_access static:{REJECT fell through}',
  recipient: ', reject_unauth_destination, check_client_access static:{REJECT fell through}',
}

type List = 'client' | 'helo' | 'sender' | 'relay' | 'recipient'

function inList(
  list: List,
  restriction: string,
  more: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const then = restriction.includes('permit')
    ? THEN[list]
    : list === 'relay' || list === 'recipient'
      ? ', reject_unauth_destination'
      : ''
  // Postfix does not start without something that keeps strangers from relaying, in the one list or the other.
  const other =
    list === 'recipient'
      ? {
          smtpd_relay_restrictions:
            'check_recipient_access static:dunno, permit_auth_destination, check_recipient_access static:OK, reject',
        }
      : list === 'relay'
        ? { smtpd_recipient_restrictions: 'check_recipient_access static:DUNNO, reject_unauth_destination' }
        : {}
  return { ...other, [`smtpd_${list}_restrictions`]: restriction + then, ...more }
}

function sessions(
  restriction: string,
  list: List,
  traffic: readonly Traffic[],
  more: Readonly<Record<string, string>> = {},
): Session[] {
  const late = Object.entries(more)
    .map(([name, value]) => ` ${name}=${value}`)
    .join('')
  return traffic.map((t) => ({
    name: `${restriction} in ${list}${late}, ${t.name}`,
    overrides: inList(list, restriction, more),
    steps: [...upToRcpt(t.from, t.to, t.helo), 'RCPT TO:<second@local.test>'],
    ...(t.client !== undefined && { client: t.client }),
  }))
}

export function restrictionSessions(): Session[] {
  const early = { smtpd_delay_reject: 'no' }
  return [
    ...BY_CLIENT.flatMap((r) => [...sessions(r, 'client', CLIENTS), ...sessions(r, 'recipient', CLIENTS)]),
    ...BY_CLIENT.flatMap((r) => sessions(r, 'client', CLIENTS.slice(0, 4), early)),
    ...BY_HELO.flatMap((r) => [...sessions(r, 'helo', HELOS), ...sessions(r, 'helo', HELOS.slice(0, 8), early)]),
    ...BY_SENDER.flatMap((r) => [
      ...sessions(r, 'sender', SENDERS),
      ...sessions(r, 'sender', SENDERS.slice(0, 8), early),
    ]),
    ...BY_RECIPIENT.flatMap((r) => [...sessions(r, 'recipient', RECIPIENTS), ...sessions(r, 'relay', RECIPIENTS)]),
    ...FIXED.flatMap((r) =>
      (['client', 'helo', 'sender', 'relay', 'recipient'] as const).flatMap((list) => [
        ...sessions(r, list, CLIENTS.slice(0, 1)),
        ...sessions(r, list, CLIENTS.slice(0, 1), early),
      ]),
    ),
  ]
}
