/** Every rewriting rule, with and without extension: what arrives at the next hop, in the envelope and in the header. */
import type { Session, World } from '../world.ts'

const ADDRESSES: readonly string[] = [
  '',
  'plain',
  'plain+ext',
  'a@known.test',
  'a+ext@known.test',
  'A+Ext@Known.Test',
  'short@host',
  'a@host.sub',
  'host!a',
  'one!two!a',
  'host!a@known.test',
  'a%known.test',
  'a%known.test@local.test',
  'a%known.test@elsewhere.test',
  'a@known.test.',
  '@known.test:a@other.test',
  '"a b"@known.test',
  '"a+b c"@known.test',
  'can@known.test',
  'can+ext@known.test',
  'exact+ext@known.test',
  'user@origin.test',
  'user+ext@origin.test',
  'user@local.test',
  'bare',
  'bare+ext',
  'any@candomain.test',
  'any+ext@candomain.test',
  'loop@known.test',
  'chain@known.test',
  'scan@known.test',
  'scan+ext@known.test',
  'rcan@known.test',
  'rcan+ext@known.test',
  'a@host.masq.test',
  'a+ext@deep.host.masq.test',
  'root@host.masq.test',
  'a@host.keep.masq.test',
  'a@masq.test',
  'gen@known.test',
  'gen+ext@known.test',
  'any@gendomain.test',
  'v@virtual-alias.test',
  'v+ext@virtual-alias.test',
  'exactv+ext@virtual-alias.test',
  'many@virtual-alias.test',
  'many+ext@virtual-alias.test',
  'any@catch.test',
  'any+ext@catch.test',
  'self@virtual-alias.test',
  'nested@virtual-alias.test',
  'uservirtual@local.test',
  'uservirtual+ext@local.test',
  'relocated@local.test',
  'relocated+ext@local.test',
  'a@moved.test',
  'box@virtual-box.test',
  'box+ext@virtual-box.test',
  'a@relay.test',
  'a@route.test',
  'a@sub.route.test',
  'special@route.test',
  'special+ext@route.test',
  'a@err.test',
  'a@gone.test',
  'postmaster',
  'MAILER-DAEMON',
  'a@[192.0.2.77]',
]

const FILES: Readonly<Record<string, string>> = {
  canonical:
    'can@known.test mapped@canon.test\nexact+ext@known.test exactly@canon.test\nuser@origin.test user.name@canon.test\nbare bare.mapped\n@candomain.test @canon.test\nloop@known.test loop@known.test\nchain@known.test can@known.test\n"a b"@known.test "c d"@canon.test\n',
  'sender-canonical': 'scan@known.test s.mapped@canon.test\n',
  'recipient-canonical': 'rcan@known.test r.mapped@canon.test\n',
  generic:
    'gen@known.test g.mapped@generic.test\n@gendomain.test @generic.test\nmapped@canon.test then.generic@generic.test\n',
  virtual:
    'v@virtual-alias.test w@known.test\nexactv+ext@virtual-alias.test exactly@known.test\nmany@virtual-alias.test one@known.test, two@other.test three\n@catch.test all@known.test\nself@virtual-alias.test self@virtual-alias.test\nnested@virtual-alias.test many@virtual-alias.test, v+more@virtual-alias.test\nuservirtual u.mapped@known.test\n',
  relocated: 'relocated@local.test new@elsewhere.test\n@moved.test the new place\n',
  transport:
    'route.test smtp:@SINK@\nspecial@route.test relay:@SINK@\n.route.test smtp:@SINK@\nerr.test error:5.7.0 no mail for you\ngone.test discard:silently\n',
}

const NETWORK = 'ADDR=198.51.100.9 NAME=inside.example.test PORT=1'

function message(name: string, from: string, to: string): string {
  return [
    `X-Session: ${name}`,
    `From: "Some One" <${from}> (comment)`,
    `To: ${to}, Other <plain>, group: can@known.test, b;`,
    `Cc: ${to} (the ${to} comment),`,
    `\t<${from}>`,
    `Reply-To: ${from}`,
    `Sender: ${from}`,
    `Resent-To: can@known.test`,
    `Errors-To: scan@known.test`,
    `X-Other: can@known.test`,
    `Subject: ${to}`,
    '',
    'text',
  ].join('\r\n')
}

function session(role: 'sender' | 'recipient', address: string, local: boolean): Session {
  const name = `${role} ${address} ${local ? 'from here' : 'from elsewhere'}`
  const [from, to] = role === 'sender' ? [address, 'far@faraway.test'] : ['near@known.test', address]
  const steps = [
    'EHLO client.example.test',
    `MAIL FROM:<${from}>`,
    `RCPT TO:<${to}>`,
    'DATA',
    { content: message(name, from, to) },
    'QUIT',
  ]
  return { name, steps, ...(local && { client: NETWORK }) }
}

const COMMON = `
myorigin = origin.test
mydestination = local.test, mail.example.test, origin.test
local_recipient_maps =
local_transport = smtp:@SINK@
virtual_transport = smtp:@SINK@
relay_transport = relay:@SINK@
relayhost = @SINK@
relay_domains = relay.test
virtual_alias_domains = virtual-alias.test, catch.test
virtual_mailbox_domains = virtual-box.test
virtual_mailbox_maps = static:x
local_header_rewrite_clients = permit_mynetworks
smtpd_relay_restrictions = permit_mynetworks, permit_auth_destination, check_recipient_access static:OK, reject_unauth_destination
smtpd_recipient_restrictions =
transport_maps = hash:$config_directory/transport
virtual_alias_maps = hash:$config_directory/virtual
canonical_maps = hash:$config_directory/canonical
sender_canonical_maps = hash:$config_directory/sender-canonical
recipient_canonical_maps = hash:$config_directory/recipient-canonical
relocated_maps = hash:$config_directory/relocated
masquerade_domains = keep.masq.test masq.test
masquerade_exceptions = root
smtp_generic_maps = hash:$config_directory/generic
`

function world(name: string, mainCf: string): World {
  return {
    name: `rewriting, ${name}`,
    mainCf: COMMON + mainCf,
    files: FILES,
    indexed: Object.keys(FILES).map((file) => `hash:${file}`),
    sink: true,
    sessions: ADDRESSES.flatMap((address) => [
      session('sender', address, true),
      session('sender', address, false),
      ...(address === '' ? [] : [session('recipient', address, true), session('recipient', address, false)]),
    ]),
  }
}

export const rewriting: readonly World[] = [
  world('with extensions', 'recipient_delimiter = +\npropagate_unmatched_extensions = canonical, virtual, generic\n'),
  world(
    'otherwise',
    `recipient_delimiter = -+
propagate_unmatched_extensions =
append_at_myorigin = no
append_dot_mydomain = yes
swap_bangpath = no
allow_percent_hack = no
remote_header_rewrite_domain = domain.invalid
always_add_missing_headers = yes
masquerade_classes = envelope_sender, envelope_recipient, header_sender, header_recipient
canonical_classes = envelope_sender, header_recipient
sender_canonical_classes = header_sender
recipient_canonical_classes = envelope_recipient
enable_original_recipient = no
masquerade_domains = !keep.masq.test, masq.test
`,
  ),
]
