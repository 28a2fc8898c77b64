/** Sites with names of their own: a list server, a provider with classes of clients, the how-to's office. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { INSIDE, type Layout, sends } from '../layout.ts'

const inside = (name: string, sender: string, ...recipients: string[]) =>
  sends(name, sender, recipients, { client: INSIDE })
const outside = (name: string, sender: string, ...recipients: string[]) => sends(name, sender, recipients)

export const listServer: Layout = {
  name: 'list server',
  mainCf: `
myhostname = lists.club.test
mydestination = $myhostname, club.test
alias_maps = hash:$config_directory/aliases
alias_database = hash:$config_directory/aliases
virtual_alias_domains = verein.test
virtual_alias_maps = hash:$config_directory/virtual
recipient_delimiter = +
owner_request_special = yes
expand_owner_alias = no
smtpd_authorized_verp_clients = $mynetworks
default_verp_delimiters = +=
verp_delimiter_filter = -=+
local_recipient_maps = $alias_maps
allow_mail_to_commands = alias,forward,include
allow_mail_to_files = alias,forward,include
message_size_limit = 20000
canonical_maps = regexp:$config_directory/canonical
notify_classes =
`,
  files: {
    aliases: `
postmaster: board
board: ana@known.test, pepe@aonly.test
news: :include:@DIR@/news.list
owner-news: news-admin@known.test
news-request: "|/bin/cat > /dev/null"
talk: "|/usr/bin/test \\"$SENDER\\" != refused@known.test"
broken: "|exit 69"
tempfail: "|exit 75"
archive: "|/bin/cat >/dev/null", talk
loop: loop2
loop2: loop, ana@known.test
nothing: /dev/null
dup: ana@known.test, ANA@known.test, ana@known.test
named: Full Name <one@known.test>, "Last, First" <two@known.test>, Joined<three@known.test>, four@known.test <five@known.test>
  six@known.test
        seven@known.test
chain: step
step: "|/bin/cat > /dev/null"
`,
    'news.list': 'ana@known.test\npepe@aonly.test, # a comment\n"Third Person" <third@known.test>\ngone@known.test\n',
    virtual: 'info@verein.test board, x@known.test\n@verein.test talk\nverein.test anything\n',
    canonical: '/^(.*)@www\\.club\\.test$/ $1@club.test\n',
  },
  indexed: ['hash:aliases', 'hash:virtual'],
  hosts: {
    'mx.known.test': { mx: ['known.test'], refuses: /^gone[@+-]/ },
    'mx.aonly.test': { mx: ['aonly.test'] },
  },
  day: [
    outside('to the list', 'ana@known.test', 'news@club.test'),
    outside('to its owner', 'mx@known.test', 'owner-news@club.test'),
    outside('a request', 'ana@known.test', 'news-request@club.test'),
    outside('to a command', 'ana@known.test', 'talk@club.test'),
    outside('a command refuses', 'refused@known.test', 'talk@club.test'),
    outside('a command is broken', 'ana@known.test', 'broken@club.test'),
    outside('command and list', 'ana@known.test', 'archive+2026@club.test'),
    outside('with names', 'ana@known.test', 'named@club.test'),
    outside('list and extension', 'ana@known.test', 'news+x@club.test'),
    outside('nested commands', 'ana@known.test', 'Chain+Y@club.test'),
    outside('nested', 'ana@known.test', 'postmaster'),
    outside('twice the same', 'ana@known.test', 'dup@club.test'),
    outside('thrown away', 'ana@known.test', 'nothing@club.test'),
    outside('a virtual domain', 'ana@known.test', 'info@verein.test', 'any@verein.test'),
    outside('unknown', 'ana@known.test', 'nosuch@club.test'),
    outside('too large', 'ana@known.test SIZE=30000', 'news@club.test'),
    inside('rewritten', 'ana@www.club.test', 'news@www.club.test', 'x@known.test'),
    sends('with VERP', 'news@club.test> XVERP', ['ana@known.test', 'pepe@aonly.test'], { client: INSIDE }),
    outside('no relay', 'ana@known.test', 'x@aonly.test'),
  ],
  expect: { sent: 20, bounced: 3 },
}

const CLASSES = `
myhostname = mx.isp.test
mydestination = $myhostname
smtpd_restriction_classes = permissive, restrictive, staff
permissive = permit
restrictive = reject_unknown_sender_domain, reject_non_fqdn_sender, reject_rbl_client rbl.test, permit
staff = check_sender_access inline:{ known.test=OK, bad.test=REJECT }, reject
smtpd_delay_reject = yes
smtpd_client_restrictions = permit_mynetworks, check_client_access cidr:$config_directory/client.cidr
smtpd_helo_restrictions = permit_mynetworks, reject_invalid_helo_hostname, check_helo_access pcre:$config_directory/helo.pcre
smtpd_sender_restrictions = reject_unlisted_sender, check_sender_access hash:$config_directory/sender
smtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination,
  reject_non_fqdn_recipient, check_recipient_access hash:$config_directory/recipient, reject_rhsbl_sender rhsbl.test
smtpd_data_restrictions = reject_unauth_pipelining, reject_multi_recipient_bounce
smtpd_end_of_data_restrictions = check_sender_access hash:$config_directory/ended
virtual_mailbox_domains = box.isp.test
virtual_mailbox_maps = inline:{ ana@box.isp.test=ana/, pepe@box.isp.test=pepe/, strict@box.isp.test=s/, staff@box.isp.test=st/, low@box.isp.test=l/ }
virtual_transport = lmtp:inet:[@STORE_ISP_TEST@]:24
relay_domains = leased.test
transport_maps = hash:$config_directory/transport
sender_dependent_relayhost_maps = hash:$config_directory/relayhosts
smtpd_recipient_limit = 5
header_checks = regexp:$config_directory/headers
body_checks = regexp:$config_directory/body
always_bcc = log@box.isp.test
sender_bcc_maps = hash:$config_directory/sender_bcc
enable_long_queue_ids = yes
`

export const provider: Layout = {
  name: 'a provider with classes',
  mainCf: CLASSES,
  files: {
    'client.cidr': '203.0.113.0/24 REJECT go away\n192.0.2.66 450 4.7.1 later\n!192.0.2.0/24 DUNNO\n192.0.2.8 OK\n',
    'helo.pcre': '/^localhost$/ REJECT you are not me\n/^\\[/ DUNNO\n/^(.*)\\.isp\\.test$/ 554 5.7.1 $1 is ours\n',
    sender:
      'spam@ REJECT\nheld@known.test HOLD for a look\nsilent@known.test DISCARD\nbad.test 554 5.7.1 no ${1}\nfilter@known.test PREPEND X-Seen: yes\nredirect@known.test REDIRECT pepe@box.isp.test\n',
    recipient:
      'strict@box.isp.test restrictive\nstaff@box.isp.test staff\nlow@box.isp.test permissive\npostmaster@ OK\n',
    ended: 'late@known.test REJECT too late\n',
    transport: 'leased.test smtp:[edge.leased.test]\n.dead.test error:5.4.4 no such network\n',
    relayhosts: 'vip@known.test [vip.known.test]\n@other.test [out.other.test]\n',
    headers:
      '/^Subject: cheap/ REJECT no thanks\n/^Subject: watched/ PREPEND X-Watched: yes\n/^X-Drop:/ IGNORE\n/^Subject: look/ WARN seen\n',
    body: '/^Hello, body worm/ REJECT a worm\n',
    sender_bcc: 'vip@known.test archive@box.isp.test\n',
  },
  indexed: ['hash:sender', 'hash:recipient', 'hash:ended', 'hash:transport', 'hash:relayhosts', 'hash:sender_bcc'],
  zone: `2.0.0.127.rbl.test A 127.0.0.2
2.2.0.192.rbl.test A 127.0.0.2
2.2.0.192.rbl.test TXT listed here
listed.test.rhsbl.test A 127.0.0.2
listed.test A 192.0.2.80
other.test A 192.0.2.81
`,
  hosts: {
    'store.isp.test': { inner: true, port: 24, refuses: /^pepe2@/ },
    'edge.leased.test': { inner: true },
    'vip.known.test': {},
    'mx.known.test': { mx: ['known.test'], refuses: /^nobody@/ },
  },
  day: [
    outside('to a mailbox', 'friend@known.test', 'ana@box.isp.test'),
    outside('to three', 'friend@known.test', 'ana@box.isp.test', 'pepe@box.isp.test', 'low@box.isp.test'),
    outside('too many', 'friend@known.test', ...Array.from({ length: 7 }, () => 'ana@box.isp.test')),
    sends('a bad network', 'friend@known.test', ['ana@box.isp.test'], { client: 'ADDR=203.0.113.9 NAME=x.bad.test' }),
    sends('a slow one', 'friend@known.test', ['ana@box.isp.test'], { client: 'ADDR=192.0.2.66 NAME=[UNAVAILABLE]' }),
    sends('listed', 'friend@known.test', ['strict@box.isp.test', 'low@box.isp.test'], {
      client: 'ADDR=192.0.2.2 NAME=[UNAVAILABLE]',
    }),
    outside('strict', 'friend@nowhere.fail.test', 'strict@box.isp.test'),
    outside('strict, no domain', 'friend', 'strict@box.isp.test'),
    outside('staff', 'friend@known.test', 'staff@box.isp.test'),
    outside('staff, others', 'friend@aonly.test', 'staff@box.isp.test'),
    outside('staff, bad', 'x@bad.test', 'staff@box.isp.test', 'ana@box.isp.test'),
    outside('listed sender', 'x@listed.test', 'ana@box.isp.test'),
    outside('spam', 'spam@known.test', 'ana@box.isp.test'),
    outside('silent', 'silent@known.test', 'ana@box.isp.test'),
    outside('held', 'held@known.test', 'ana@box.isp.test'),
    outside('prepended', 'filter@known.test', 'ana@box.isp.test'),
    outside('redirected', 'redirect@known.test', 'ana@box.isp.test', 'low@box.isp.test'),
    outside('too late', 'late@known.test', 'ana@box.isp.test'),
    outside('unlisted sender', 'nosuch@box.isp.test', 'ana@box.isp.test'),
    outside('cheap', 'friend@known.test', 'ana@box.isp.test'),
    outside('watched', 'friend@known.test', 'ana@box.isp.test'),
    outside('body worm', 'friend@known.test', 'ana@box.isp.test'),
    sends('dropped field', 'friend@known.test', ['ana@box.isp.test'], { more: 'X-Drop: 1\r\n' }),
    outside('many bounces', '', 'ana@box.isp.test', 'pepe@box.isp.test'),
    outside('leased', 'friend@known.test', 'x@leased.test', 'y@leased.test', 'z@leased.test'),
    outside('no relay', 'friend@known.test', 'x@known.test'),
    outside('unknown', 'friend@known.test', 'nosuch@box.isp.test'),
    inside('out', 'ana@box.isp.test', 'x@known.test'),
    inside('out to two', 'pepe@box.isp.test', 'x@known.test', 'y@known.test'),
    inside('out and in', 'pepe@box.isp.test', 'x@known.test', 'ana@box.isp.test'),
    inside('a VIP', 'vip@known.test', 'x@aonly.test'),
    inside('no network', 'ana@box.isp.test', 'x@a.dead.test'),
    inside('a VIP again', 'vip@known.test', 'x@known.test'),
    inside('comes back', 'ana@box.isp.test', 'nobody@known.test'),
    { name: 'HELO', steps: ['HELO localhost', 'MAIL FROM:<a@known.test>', 'RCPT TO:<ana@box.isp.test>', 'QUIT'] },
    { name: 'our HELO', steps: ['HELO mx.isp.test', 'MAIL FROM:<a@known.test>', 'RCPT TO:<ana@box.isp.test>', 'QUIT'] },
    { name: 'bad HELO', steps: ['HELO a..b', 'MAIL FROM:<a@known.test>', 'RCPT TO:<ana@box.isp.test>', 'QUIT'] },
  ],
  expect: { sent: 30, bounced: 1 },
}

const HOWTO = join(import.meta.dirname, '../../howto/etc')
const HOWTO_FILES = ['access', 'aliases', 'mynetworks', 'recipient_canonical', 'saslpass', 'sender_canonical']
const howtoFile = (name: string): string => readFileSync(join(HOWTO, name), 'utf8')

/** Of the how-to's mynetworks. */
const OFFICE = 'ADDR=192.168.1.254 NAME=pc.midominio.com REVERSE_NAME=pc.midominio.com PORT=4713'

export const howto: Layout = {
  name: "the how-to's office",
  // Debian's Postfix looks for smtpd.conf where the administrator of a second instance would not have it.
  mainCf: `${howtoFile('main.cf')}\ncyrus_sasl_config_path = $config_directory/sasl\n`,
  files: {
    ...Object.fromEntries(HOWTO_FILES.map((name) => [name, howtoFile(name)])),
    'sasl/smtpd.conf': 'pwcheck_method: auxprop\nmech_list: CRAM-MD5 DIGEST-MD5 LOGIN PLAIN\n',
  },
  indexed: ['hash:access', 'hash:aliases', 'hash:recipient_canonical', 'hash:saslpass', 'hash:sender_canonical'],
  hosts: { 'mx.known.test': { mx: ['known.test'], refuses: /^nobody@/ } },
  zone: 'algundominio.com MX 10 mx.known.test\n',
  day: [
    outside('to a known name', 'amigo@algundominio.com', 'root@mail.midominio.com'),
    outside('from a spammer', 'spammer@productoinutil.com', 'root@mail.midominio.com'),
    sends('from a bad host', 'a@known.test', ['root@mail.midominio.com'], {
      client: 'ADDR=209.61.129.8 NAME=[UNAVAILABLE]',
    }),
    outside('not our domain', 'a@known.test', 'webmaster@midominio.com'),
    outside('unknown', 'a@known.test', 'nosuch@mail.midominio.com'),
    outside('no relay', 'a@known.test', 'b@known.test'),
    sends('too large', 'a@known.test> SIZE=6000000', ['root@mail.midominio.com']),
    sends('from the office', 'julio@mail.midominio.com', ['b@known.test'], { client: OFFICE }),
    sends('by another name', 'pablo', ['b@known.test', 'c@algundominio.com'], { client: OFFICE }),
    sends('to several', 'julio@mail.midominio.com', ['b@known.test', 'd@known.test'], { client: OFFICE }),
    sends('a customer', 'julio@mail.midominio.com', ['d@algundominio.com'], { client: OFFICE }),
    sends('comes back', 'cliente@known.test', ['nobody@known.test'], { client: OFFICE }),
    sends('no HELO', 'julio', ['b@known.test'], { client: OFFICE }),
    {
      name: 'AUTH is offered',
      steps: ['EHLO x', 'AUTH FOO', 'AUTH PLAIN AAAA', 'MAIL FROM:<a@known.test> AUTH=<>', 'QUIT'],
    },
  ],
  expect: { sent: 7, bounced: 1 },
}
