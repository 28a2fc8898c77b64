/** Parameters that change what is said: reply codes, footers, soft_bounce, limits, log-in maps. */
import type { Step } from '../player.ts'
import type { Session } from '../world.ts'
import { FROM, upToRcpt, whole } from './steps.ts'

type Settings = Readonly<Record<string, string>>

/** Each code parameter with a session that makes it be said. */
const CODES: readonly (readonly [string, Settings, Partial<Session>])[] = [
  ['access_map_reject_code', { smtpd_recipient_restrictions: 'check_recipient_access static:REJECT' }, {}],
  ['access_map_defer_code', { smtpd_recipient_restrictions: 'check_recipient_access static:DEFER, reject' }, {}],
  [
    'invalid_hostname_reject_code',
    { smtpd_helo_restrictions: 'reject_invalid_helo_hostname' },
    { steps: upToRcpt(undefined, undefined, 'a..b') },
  ],
  [
    'maps_rbl_reject_code',
    { smtpd_client_restrictions: 'reject_rbl_client rbl.test' },
    { client: 'ADDR=192.0.2.66 NAME=client.bad.test PORT=1' },
  ],
  [
    'multi_recipient_bounce_reject_code',
    { smtpd_data_restrictions: 'reject_multi_recipient_bounce' },
    { steps: [...upToRcpt(''), 'RCPT TO:<second@local.test>', 'DATA'] },
  ],
  ['non_fqdn_reject_code', { smtpd_sender_restrictions: 'reject_non_fqdn_sender' }, { steps: upToRcpt('a@short') }],
  ['plaintext_reject_code', { smtpd_client_restrictions: 'reject_plaintext_session' }, {}],
  ['reject_code', { smtpd_client_restrictions: 'reject' }, {}],
  ['defer_code', { smtpd_client_restrictions: 'defer' }, {}],
  ['relay_domains_reject_code', {}, { steps: upToRcpt(FROM, 'a@known.test') }],
  [
    'unknown_address_reject_code',
    { smtpd_sender_restrictions: 'reject_unknown_sender_domain' },
    { steps: upToRcpt('a@nowhere.invalid') },
  ],
  [
    'unknown_client_reject_code',
    { smtpd_client_restrictions: 'reject_unknown_client_hostname' },
    { client: 'ADDR=192.0.2.66 NAME=[UNAVAILABLE] PORT=1' },
  ],
  [
    'unknown_hostname_reject_code',
    { smtpd_helo_restrictions: 'reject_unknown_helo_hostname' },
    { steps: upToRcpt(undefined, undefined, 'nowhere.invalid') },
  ],
  ['unknown_local_recipient_reject_code', {}, { steps: upToRcpt(FROM, 'nobody@local.test') }],
  ['unknown_virtual_alias_reject_code', {}, { steps: upToRcpt(FROM, 'nobody@alias-domain.test') }],
  ['unknown_virtual_mailbox_reject_code', {}, { steps: upToRcpt(FROM, 'nobody@virtual.test') }],
  ['unknown_relay_recipient_reject_code', {}, { steps: upToRcpt(FROM, 'nobody@relay.test') }],
  [
    'unknown_address_tempfail_action',
    { smtpd_sender_restrictions: 'reject_unknown_sender_domain' },
    { steps: upToRcpt('a@x.fail.test') },
  ],
  [
    'unknown_helo_hostname_tempfail_action',
    { smtpd_helo_restrictions: 'reject_unknown_helo_hostname' },
    { steps: upToRcpt(undefined, undefined, 'x.fail.test') },
  ],
  [
    'reject_tempfail_action',
    {
      smtpd_sender_restrictions: 'reject_unknown_sender_domain',
      smtpd_helo_restrictions: 'reject_unknown_helo_hostname',
    },
    { steps: upToRcpt('a@x.fail.test', undefined, 'x.fail.test') },
  ],
]

function codeSessions(): Session[] {
  return CODES.flatMap(([name, settings, session]) => {
    const values = name.endsWith('_action') ? ['defer', 'defer_if_permit'] : ['', '450', '550', '521', '421']
    const soft = name.endsWith('_action') ? [] : [{ soft_bounce: 'yes' }]
    const more = [...values.map((value): Settings => (value === '' ? {} : { [name]: value })), ...soft]
    return more.map((one) => ({
      steps: upToRcpt(),
      ...session,
      name: `${name} ${JSON.stringify(one)}`,
      overrides: { ...settings, ...one },
    }))
  })
}

const FOOTERS = [
  'For help see http://help.test/',
  '\\c. Call me',
  'Line 1\\nLine 2',
  'c=$client_address p=$client_port s=$server_name',
  '${client_address}${nothing}',
  '\\c',
  '4.4.4 status',
  '$$ $(server_name) $other',
  '\\c joined\\nand more',
]

/** What DNS says, but for what a filter drops. */
const FILTERED: readonly (readonly [filter: string, Settings, readonly Step[]])[] = ['IGNORE', 'REJECT']
  .map((action) => `static:${action}`)
  .concat('inline:{{known.test. 60 IN MX 10 mail.known.test. = IGNORE}}', 'no-such:table')
  .flatMap((filter) => [
    [filter, { smtpd_sender_restrictions: 'reject_unknown_sender_domain' }, upToRcpt()],
    [filter, { smtpd_helo_restrictions: 'reject_unknown_helo_hostname' }, upToRcpt(undefined, undefined, 'known.test')],
    [filter, { smtpd_client_restrictions: 'reject_rbl_client rbl.test' }, upToRcpt()],
    [filter, { smtpd_sender_restrictions: 'reject_rhsbl_sender rhsbl.test' }, upToRcpt('a@bad.test')],
    [filter, { smtpd_sender_restrictions: 'check_sender_mx_access static:REJECT' }, upToRcpt()],
    [filter, { smtpd_recipient_restrictions: 'permit_mx_backup, reject' }, upToRcpt(FROM, 'a@backup.test')],
  ])

function filterSessions(): Session[] {
  return FILTERED.map(([filter, settings, steps]) => ({
    name: `filter ${filter}: ${Object.values(settings)[0]}`,
    overrides: { ...settings, smtpd_dns_reply_filter: filter },
    client: 'ADDR=192.0.2.66 NAME=client.bad.test PORT=1',
    steps,
  }))
}

function footerSessions(): Session[] {
  const steps = [...upToRcpt(FROM, 'nobody@local.test'), 'FOO', 'VRFY nobody@local.test', 'ETRN -x', 'DATA', 'QUIT']
  return FOOTERS.map((text) => ({ name: `footer ${text}`, overrides: { smtpd_reject_footer: text }, steps }))
}

const LIMITS: readonly (readonly [Settings, readonly Step[]])[] = [
  [
    { smtpd_recipient_limit: '2', smtpd_recipient_overshoot_limit: '1' },
    [...upToRcpt(), ...Array.from({ length: 5 }, (_, i) => `RCPT TO:<second+${i}@local.test>`), 'DATA'],
  ],
  [{ smtpd_hard_error_limit: '3', smtpd_soft_error_limit: '1' }, ['EHLO x', 'FOO', 'FOO', 'FOO', 'FOO', 'NOOP']],
  [
    { smtpd_junk_command_limit: '3', smtpd_hard_error_limit: '3' },
    ['EHLO x', 'NOOP', 'NOOP', 'RSET', 'VRFY x', 'NOOP', 'NOOP', 'NOOP', 'NOOP'],
  ],
  [{ line_length_limit: '512' }, ['EHLO x', `NOOP ${'x'.repeat(400)}`]],
  [
    { message_size_limit: '1000' },
    ['EHLO x', 'MAIL FROM:<a@known.test> SIZE=1001', 'MAIL FROM:<a@known.test> SIZE=1000', 'RCPT TO:<rcpt@local.test>'],
  ],
  [{ smtpd_banner: '$myhostname ESMTP $mail_name (${mail_version?yes})' }, ['EHLO x']],
  [{ smtpd_command_filter: 'inline:{ {FOO=NOOP} }' }, ['EHLO x', 'FOO', 'BAR']],
  [
    { smtpd_discard_ehlo_keyword_address_maps: 'cidr:{{192.0.2.0/24 size, etrn}}' },
    ['EHLO x', 'ETRN relay.test', 'MAIL FROM:<a@known.test> SIZE=1'],
  ],
  [{ smtpd_restriction_classes: 'k', k: 'reject' }, upToRcpt()],
  [{ local_recipient_maps: '' }, upToRcpt(FROM, 'nobody@local.test')],
  [{ relay_recipient_maps: '' }, upToRcpt(FROM, 'nobody@relay.test')],
  [{ virtual_mailbox_maps: '' }, upToRcpt(FROM, 'nobody@virtual.test')],
  [{ virtual_alias_maps: 'static:x' }, upToRcpt(FROM, 'nobody@local.test')],
  [{ show_user_unknown_table_name: 'no' }, upToRcpt(FROM, 'nobody@local.test')],
  [{ mydestination: 'other.test' }, upToRcpt(FROM, 'rcpt@other.test')],
  [{ relay_domains: 'other.test' }, upToRcpt(FROM, 'rcpt@other.test')],
  [{ smtpd_reject_unlisted_recipient: 'no' }, upToRcpt(FROM, 'nobody@local.test')],
  [{ smtpd_reject_unlisted_sender: 'yes' }, upToRcpt('nobody@local.test')],
  [
    { smtpd_helo_required: 'yes', smtpd_helo_restrictions: 'reject_invalid_helo_hostname' },
    ['MAIL FROM:<a@known.test>', 'HELO a..b', 'MAIL FROM:<a@known.test>', 'RCPT TO:<rcpt@local.test>'],
  ],
  [{ fast_flush_domains: '' }, ['EHLO x', 'ETRN relay.test']],
  [
    {
      default_rbl_reply: '$rbl_code 5.7.9 $rbl_what/$rbl_class/$rbl_domain${rbl_reason?: $rbl_reason}',
      smtpd_client_restrictions: 'reject_rbl_client rbl.test',
    },
    upToRcpt(),
  ],
  [
    {
      rbl_reply_maps:
        'inline:{ {rbl.test=554 no $client_name $client_address $helo_name $sender $sender_domain $recipient_name} }',
      smtpd_recipient_restrictions: 'reject_rbl_client rbl.test, reject_unauth_destination',
    },
    upToRcpt(),
  ],
]

function limitSessions(): Session[] {
  const session =
    (client: string) =>
    ([overrides, steps]: readonly [Settings, readonly Step[]]): Session => ({
      name: JSON.stringify(overrides).slice(0, 80),
      overrides,
      steps,
      client,
    })
  return [...LIMITS.map(session('ADDR=192.0.2.66 NAME=client.bad.test PORT=1')), ...OWN.map(session(''))]
}

/** Of this host, without XCLIENT in front. */
const OWN: readonly (readonly [Settings, readonly Step[]])[] = [
  [
    { smtpd_junk_command_limit: '3', smtpd_hard_error_limit: '2' },
    ['EHLO x', 'NOOP', 'NOOP', 'RSET', 'NOOP', 'NOOP', 'NOOP', 'NOOP'],
  ],
  [
    { smtpd_junk_command_limit: '1', smtpd_hard_error_limit: '2', smtpd_authorized_xforward_hosts: '127.0.0.1' },
    ['EHLO x', ...Array.from({ length: 6 }, () => 'XFORWARD NAME=x'), 'NOOP', 'NOOP', 'NOOP', 'NOOP'],
  ],
  [
    { smtpd_junk_command_limit: '1', smtpd_hard_error_limit: '2' },
    ['EHLO x', ...Array.from({ length: 6 }, () => 'ETRN -x')],
  ],
  [
    { smtpd_junk_command_limit: '1', smtpd_hard_error_limit: '2' },
    ['EHLO x', ...Array.from({ length: 6 }, () => 'MAIL')],
  ],
]

const LOGINS = [undefined, 'ana', 'ANA', 'eva', 'nobody']
const OWNED = [
  '',
  'ana@known.test',
  'ana+x@known.test',
  'Ana@Known.Test',
  'any@owned.test',
  'shared@known.test',
  'free@known.test',
  'local',
  'local@mail.example.test',
  'local+x@local.test',
  'local@known.test',
  'bad@x.fail.test',
]

function loginSessions(): Session[] {
  const restrictions = [
    'reject_sender_login_mismatch',
    'reject_authenticated_sender_login_mismatch',
    'reject_known_sender_login_mismatch',
    'reject_unauthenticated_sender_login_mismatch',
  ]
  return restrictions.flatMap((restriction) =>
    LOGINS.flatMap((login) =>
      OWNED.map((from) => ({
        name: `${restriction}, ${login ?? 'nobody logged in'}, <${from}>`,
        overrides: {
          smtpd_sender_restrictions: restriction,
          smtpd_sender_login_maps: 'hash:$config_directory/logins',
          smtpd_sasl_auth_enable: 'yes',
          smtpd_discard_ehlo_keywords: 'auth',
        },
        steps: upToRcpt(from),
        client: `ADDR=192.0.2.7 NAME=client.example.test${login === undefined ? '' : ` LOGIN=${login}`}`,
      })),
    ),
  )
}

export const settingFiles: Settings = {
  'sasl/smtpd.conf': 'pwcheck_method: auxprop\nauxprop_plugin: sasldb\nmech_list: PLAIN LOGIN\n',
  logins: 'ana@known.test ana\n@owned.test eva, ana\nshared@known.test eva ana\nlocal ana\nlocal+x eva\n',
}

export function settingSessions(): Session[] {
  const soft = ['a@known.test', 'nobody@local.test', 'rcpt@local.test'].map((to) => ({
    name: `soft_bounce, ${to}`,
    overrides: { soft_bounce: 'yes' },
    steps: [...upToRcpt(FROM, to), 'FOO', 'DATA x'],
  }))
  const big = {
    name: 'a message that is too big',
    overrides: { message_size_limit: '1000' },
    steps: [...whole().slice(0, -1), { content: `Subject: big\r\n\r\n${'x'.repeat(70)}\r\n`.repeat(30) }, ...whole()],
  }
  const whole_ = {
    name: 'restrictions at the end of data',
    overrides: { smtpd_end_of_data_restrictions: 'check_client_access static:{REJECT at the end}' },
    steps: whole(),
  }
  return [
    ...codeSessions(),
    ...footerSessions(),
    ...filterSessions(),
    ...limitSessions(),
    ...loginSessions(),
    ...soft,
    big,
    whole_,
  ]
}
