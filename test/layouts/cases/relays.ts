/** Sites without mailboxes: a satellite behind its provider, a null client, a backup MX. */
import { INSIDE, type Layout, sends } from '../layout.ts'

const inside = (name: string, sender: string, ...recipients: string[]) =>
  sends(name, sender, recipients, { client: INSIDE })
const outside = (name: string, sender: string, ...recipients: string[]) => sends(name, sender, recipients)

export const satellite: Layout = {
  name: 'satellite',
  mainCf: `
myhostname = pc1.office.lan
mydomain = office.lan
myorigin = $mydomain
mydestination =
local_transport = error:local mail delivery is disabled
alias_maps =
relayhost = [smtp.provider.test]:587
smtp_sasl_auth_enable = yes
smtp_sasl_password_maps = hash:$config_directory/sasl_passwd
smtp_sasl_security_options = noanonymous
smtp_generic_maps = hash:$config_directory/generic
smtp_header_checks = regexp:$config_directory/out_headers
sender_canonical_maps = regexp:$config_directory/sender_canonical
header_size_limit = 4096
`,
  files: {
    sasl_passwd: '[smtp.provider.test]:587 office:secret\n',
    generic: 'root@office.lan admin@office.example\n@office.lan office@office.example\n',
    out_headers: '/^X-Internal:/ IGNORE\n/^Subject: (.*)secret(.*)$/ REPLACE Subject: ${1}[...]${2}\n',
    sender_canonical: '/^www-data@.*$/ webmaster@office.lan\n',
  },
  indexed: ['hash:sasl_passwd', 'hash:generic'],
  hosts: {
    'smtp.provider.test': {
      port: 587,
      auth: Buffer.from('\0office\0secret').toString('base64'),
      refuses: /^refused@/,
    },
  },
  day: [
    inside('cron', 'root@office.lan', 'root@office.lan'),
    inside('cron of root', 'root', 'root'),
    inside('web form', 'www-data@pc1.office.lan', 'customer@known.test'),
    inside('user', 'ana@office.lan', 'friend@known.test', 'other@aonly.test'),
    sends('with headers', 'ana@office.lan', ['friend@known.test'], {
      client: INSIDE,
      more: 'X-Internal: yes\r\nBcc: hidden@known.test\r\n',
    }),
    inside('a secret', 'ana@office.lan', 'friend@known.test'),
    inside('refused there', 'ana@office.lan', 'refused@known.test'),
    inside('null sender', '', 'ana@office.lan'),
    outside('a stranger', 'spam@bad.test', 'victim@known.test'),
    outside('a stranger to us', 'spam@known.test', 'ana@office.lan'),
    inside('odd recipient', 'ana@office.lan', 'a..b@known.test', 'ok@known.test'),
  ],
  expect: { sent: 9, bounced: 1 },
}

export const nullClient: Layout = {
  name: 'null client',
  mainCf: `
myhostname = host.sub.corp.test
mydomain = corp.test
myorigin = $mydomain
relayhost = $mydomain
mydestination =
masquerade_domains = $mydomain
masquerade_exceptions = root
inet_interfaces = loopback-only
disable_vrfy_command = yes
`,
  zone: 'corp.test A 192.0.2.30\n',
  hosts: { 'mx.corp.test': { mx: ['corp.test'], refuses: /^nobody@/ } },
  day: [
    inside('short names', 'ana', 'pepe'),
    inside('own host', 'ana@host.sub.corp.test', 'pepe@host.sub.corp.test'),
    inside('root is not hidden', 'root@host.sub.corp.test', 'pepe@corp.test'),
    inside('a stranger far away', 'ana@corp.test', 'friend@known.test'),
    inside('several', 'ana@corp.test', 'a@corp.test', 'b@corp.test', 'c@known.test'),
    inside('comes back', 'ana@corp.test', 'nobody@corp.test'),
    inside('null sender refused', '', 'nobody@corp.test'),
    inside('bang', 'ana@corp.test', 'host!user'),
    inside('percent', 'ana@corp.test', 'user%known.test'),
    outside('a stranger', 'spam@known.test', 'pepe@corp.test'),
    {
      name: 'VRFY is off',
      client: INSIDE,
      steps: ['EHLO x', 'VRFY pepe', 'EXPN all', 'ETRN corp.test', 'RSET', 'QUIT'],
    },
  ],
  expect: { sent: 9, bounced: 2 },
}

export const backupMx: Layout = {
  name: 'backup MX',
  mainCf: `
myhostname = mx2.hoster.test
mydestination = $myhostname, localhost
relay_domains = hash:$config_directory/relay_domains
relay_recipient_maps = hash:$config_directory/relay_recipients
transport_maps = hash:$config_directory/transport
smtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination, reject_unlisted_recipient
relay_domains_reject_code = 550
unknown_relay_recipient_reject_code = 550
maximal_queue_lifetime = 20d
smtpd_relay_restrictions = permit_mynetworks, permit_mx_backup, reject_unauth_destination
permit_mx_backup_networks = 127.0.0.0/8
proxy_interfaces = 192.0.2.77
alias_maps = hash:$config_directory/aliases
`,
  files: {
    relay_domains: 'customer.test OK\n.sub.customer.test OK\nshut.test OK\n',
    relay_recipients:
      'ana@customer.test x\npepe@customer.test x\n@sub.customer.test x\nnobody@customer.test x\n@shut.test x\n',
    transport:
      'customer.test relay:[primary.customer.test]\n.customer.test relay:[primary.customer.test]\nshut.test error:5.1.2 moved away\n',
    aliases: 'postmaster: chief@known.test\nroot: postmaster\n',
  },
  indexed: ['hash:relay_domains', 'hash:relay_recipients', 'hash:transport', 'hash:aliases'],
  zone: `mx2.hoster.test A 192.0.2.77
backed.test MX 10 primary.backed.test
backed.test MX 20 mx2.hoster.test
notours.test MX 10 mx.known.test
`,
  hosts: {
    'primary.customer.test': { inner: true, refuses: /^nobody@/ },
    'primary.backed.test': { inner: true },
    'mx.known.test': { mx: ['known.test'] },
  },
  day: [
    outside('known recipient', 'friend@known.test', 'ana@customer.test'),
    outside('two', 'friend@known.test', 'ana@customer.test', 'pepe@customer.test'),
    outside('unknown recipient', 'friend@known.test', 'stranger@customer.test'),
    outside('below the domain', 'friend@known.test', 'any@sub.customer.test'),
    outside('refused by the primary', 'friend@known.test', 'nobody@customer.test'),
    outside('moved away', 'friend@known.test', 'x@shut.test'),
    outside('backed up by MX', 'friend@known.test', 'x@backed.test'),
    outside('not ours', 'friend@known.test', 'x@notours.test'),
    outside('to the postmaster', 'friend@known.test', 'postmaster'),
    outside('to the postmaster of the host', 'friend@known.test', 'postmaster@mx2.hoster.test'),
    outside('unknown here', 'friend@known.test', 'nosuch@mx2.hoster.test'),
    inside('mail out', 'root@mx2.hoster.test', 'x@known.test', 'y@customer.test', 'z@backed.test'),
    inside('a report of the night', 'root', 'postmaster'),
    inside('a notice to a customer', 'root@mx2.hoster.test', 'x@known.test'),
    inside('to a role here', 'root@mx2.hoster.test', 'root', 'x@known.test'),
  ],
  expect: { sent: 11, bounced: 1 },
}
