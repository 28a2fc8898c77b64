/** Blind copies, routes by sender, and address verification: who gets what, and what is said before. */
import type { Session, World } from '../world.ts'

const NETWORK = 'ADDR=198.51.100.9 NAME=inside.example.test PORT=1'
const NO_MAPPINGS = { receive_override_options: 'no_address_mappings' }

function mail(from: string, to: readonly string[], overrides: Readonly<Record<string, string>> = {}): Session {
  const name = `from ${from} to ${to.join(' ')}${Object.keys(overrides).length === 0 ? '' : ' with options'}`
  return {
    name,
    overrides,
    client: NETWORK,
    steps: [
      'EHLO client.example.test',
      `MAIL FROM:<${from}>`,
      ...to.map((one) => `RCPT TO:<${one}>`),
      'DATA',
      { content: `X-Session: ${name}\r\nSubject: copy\r\nTo: x@known.test\r\n\r\ntext` },
      'QUIT',
    ],
  }
}

const COMMON = `
local_recipient_maps =
local_transport = smtp:@SINK@
smtpd_relay_restrictions = permit_mynetworks, reject
recipient_delimiter = +
`

const copies: World = {
  name: 'blind copies',
  mainCf: `${COMMON}
relayhost = @SINK@
always_bcc = archive+all@known.test
sender_bcc_maps = hash:$config_directory/sender-bcc
recipient_bcc_maps = hash:$config_directory/recipient-bcc
virtual_alias_maps = hash:$config_directory/virtual
canonical_maps = hash:$config_directory/canonical
`,
  files: {
    'sender-bcc':
      'boss@known.test copy-boss@known.test\nexact+x@known.test copy-exact@known.test\n@whole.test copy-whole\nself@known.test self@known.test\n',
    'recipient-bcc':
      'shop@known.test copy-shop@known.test\n@all.test copy-all@known.test\nalias@known.test copy-alias@known.test\nreal@known.test copy-real@known.test\nlocalname copy-local@known.test\n',
    virtual: 'alias@known.test real@known.test\ncopy-boss@known.test one@known.test, two@known.test\n',
    canonical: 'old@known.test boss@known.test\n',
  },
  indexed: ['hash:sender-bcc', 'hash:recipient-bcc', 'hash:virtual', 'hash:canonical'],
  sink: true,
  sessions: [
    mail('boss@known.test', ['a@else.test']),
    mail('boss+ext@known.test', ['a@else.test']),
    mail('Boss@Known.Test', ['a@else.test']),
    mail('old@known.test', ['a@else.test']),
    mail('exact+x@known.test', ['a@else.test']),
    mail('exact+y@known.test', ['a@else.test']),
    mail('any@whole.test', ['a@else.test']),
    mail('any@sub.whole.test', ['a@else.test']),
    mail('self@known.test', ['a@else.test', 'self@known.test']),
    mail('', ['a@else.test', 'shop@known.test']),
    mail('x@known.test', ['shop@known.test']),
    mail('x@known.test', ['shop+ext@known.test', 'b@else.test']),
    mail('x@known.test', ['a@all.test', 'b@all.test']),
    mail('x@known.test', ['alias@known.test']),
    mail('x@known.test', ['localname@local.test']),
    mail('x@known.test', ['archive+all@known.test']),
    mail('boss@known.test', ['shop@known.test', 'alias@known.test']),
    mail('boss@known.test', ['shop@known.test', 'alias@known.test'], NO_MAPPINGS),
  ],
}

/** What goes to the sink went by its sender's route; all else is thrown away. */
const routes: World = {
  name: 'routes by sender',
  mainCf: `${COMMON}
default_transport = discard
relay_domains = relay.test
relay_transport = smtp
sender_dependent_default_transport_maps = hash:$config_directory/transports
sender_dependent_relayhost_maps = hash:$config_directory/relayhosts
transport_maps = hash:$config_directory/transport
empty_address_relayhost_maps_lookup_key = nobody
empty_address_default_transport_maps_lookup_key = nobody
`,
  files: {
    transports:
      'full@known.test smtp:@SINK@\next@known.test smtp\n@whole.test smtp\nnobody smtp\ndunno@known.test DUNNO\n@known.test discard\nbad@known.test error:5.7.1 not you\n',
    relayhosts:
      'ext@known.test @SINK@\n@whole.test @SINK@\nnobody @SINK@\ndunno@known.test DUNNO\n@known.test [127.0.0.1]:9\n',
    transport:
      'route.test smtp:@SINK@\nhop.test discard:\nwait.test retry:4.3.0 come again\nfive.test retry:5.3.0 five\nplain.test retry:nothing\nbare.test retry:\nfour.test error:4.2.0 four\nnone.test error\ntwo.test error:2.0.0 two\n',
  },
  indexed: ['hash:transports', 'hash:relayhosts', 'hash:transport'],
  sink: true,
  sessions: [
    'full@known.test',
    'ext@known.test',
    'ext+more@known.test',
    'EXT@known.test',
    'any@whole.test',
    'any@sub.whole.test',
    '',
    'dunno@known.test',
    'other@known.test',
    'bad@known.test',
    'stranger@else.test',
  ]
    .flatMap((from) => [
      mail(from, ['a@far.test']),
      mail(from, ['a@relay.test']),
      mail(from, ['a@route.test']),
      mail(from, ['a@hop.test', 'b@far.test']),
    ])
    .concat(
      mail(
        'x@known.test',
        ['wait', 'five', 'plain', 'bare', 'four', 'none', 'two'].map((one) => `a@${one}.test`),
      ),
    ),
}

function asked(
  role: 'sender' | 'recipient',
  address: string,
  settings: Readonly<Record<string, string>> = {},
): Session {
  return {
    name: `${role} ${address} ${JSON.stringify(settings)}`,
    overrides: {
      smtpd_recipient_restrictions: `permit_auth_destination, reject_unverified_${role}`,
      ...(role === 'recipient' && { smtpd_recipient_restrictions: 'reject_unverified_recipient' }),
      ...(role === 'sender' && { smtpd_sender_restrictions: 'reject_unverified_sender' }),
      smtpd_relay_restrictions: 'check_recipient_access static:OK, reject',
      ...settings,
    },
    steps: [
      'EHLO client.example.test',
      `MAIL FROM:<${role === 'sender' ? address : 'x@known.test'}>`,
      `RCPT TO:<${role === 'recipient' ? address : 'y@local.test'}>`,
      'QUIT',
    ],
  }
}

const verification: World = {
  name: 'address verification',
  mainCf: `
local_recipient_maps =
local_transport = discard
default_transport = discard
address_verify_transport_maps = hash:$config_directory/probes
address_verify_poll_count = 20
address_verify_poll_delay = 1s
address_verify_default_transport = error:5.4.4 nobody goes there
address_verify_relayhost =
virtual_alias_domains = alias.test
virtual_alias_maps = hash:$config_directory/virtual
`,
  files: {
    probes:
      'good@known.test smtp:@SINK@\nbad@known.test error:5.1.1 no such person\nlater@known.test retry:4.3.0 come again\nodd@known.test error:no code here\nthrown.test discard:\nlocal.test discard:\n',
    virtual:
      'good@alias.test good@known.test\nbad@alias.test bad@known.test\nboth@alias.test good@known.test, bad@known.test\n',
  },
  indexed: ['hash:probes', 'hash:virtual'],
  sessions: [
    ...[
      'good@known.test',
      'bad@known.test',
      'later@known.test',
      'odd@known.test',
      'a@thrown.test',
      'a@elsewhere.test',
      'good@alias.test',
      'bad@alias.test',
      'none@alias.test',
      'double-bounce@mail.example.test',
    ].flatMap((address) => [asked('recipient', address), asked('sender', address)]),
    asked('recipient', 'bad@known.test', { unverified_recipient_reject_code: '550' }),
    asked('recipient', 'bad@known.test', { unverified_recipient_reject_reason: 'Not a person of ours' }),
    asked('recipient', 'later@known.test', { unverified_recipient_defer_code: '451' }),
    asked('recipient', 'later@known.test', { unverified_recipient_tempfail_action: 'defer' }),
    asked('sender', 'bad@known.test', { unverified_sender_reject_code: '554' }),
    asked('sender', 'bad@known.test', { unverified_sender_reject_reason: '5.7.9 Nobody' }),
    asked('sender', 'later@known.test', { unverified_sender_defer_code: '452' }),
    asked('sender', ''),
  ],
}

export const copiesAndRoutes: readonly World[] = [copies, routes, verification]
