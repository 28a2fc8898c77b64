/** The files that Debian and Red Hat install: nothing is wrong with them, and nothing superfluous is said. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig } from '#src/io/config/mod.ts'
import { allParams } from '#src/main/registry.ts'
import { allFindings } from '#src/main/server/findings.ts'
import { listenersOf } from '#src/main/server/listeners.ts'
import { startServer } from '../support/server.ts'
import { transcript } from '../support/transcript.ts'

const MASTER = `
smtp      inet  n       -       y       -       -       smtpd
pickup    unix  n       -       y       60      1       pickup
cleanup   unix  n       -       y       -       0       cleanup
qmgr      unix  n       -       n       300     1       qmgr
tlsmgr    unix  -       -       y       1000?   1       tlsmgr
rewrite   unix  -       -       y       -       -       trivial-rewrite
bounce    unix  -       -       y       -       0       bounce
defer     unix  -       -       y       -       0       bounce
trace     unix  -       -       y       -       0       bounce
verify    unix  -       -       y       -       1       verify
flush     unix  n       -       y       1000?   0       flush
proxymap  unix  -       -       n       -       -       proxymap
proxywrite unix -       -       n       -       1       proxymap
smtp      unix  -       -       y       -       -       smtp
relay     unix  -       -       y       -       -       smtp
        -o syslog_name=postfix/$service_name
showq     unix  n       -       y       -       -       showq
error     unix  -       -       y       -       -       error
retry     unix  -       -       y       -       -       error
discard   unix  -       -       y       -       -       discard
local     unix  -       n       n       -       -       local
virtual   unix  -       n       n       -       -       virtual
lmtp      unix  -       -       y       -       -       lmtp
anvil     unix  -       -       y       -       1       anvil
scache    unix  -       -       y       -       1       scache
postlog   unix-dgram n  -       n       -       1       postlogd
maildrop  unix  -       n       n       -       -       pipe
  flags=DRXhu user=vmail argv=/usr/bin/maildrop -d \${recipient}
uucp      unix  -       n       n       -       -       pipe
  flags=Fqhu user=uucp argv=uux -r -n -z -a$sender - $nexthop!rmail ($recipient)
`

const DEBIAN = `
smtpd_banner = $myhostname ESMTP $mail_name (Debian/GNU)
biff = no
append_dot_mydomain = no
readme_directory = no
compatibility_level = 3.6
smtpd_tls_security_level = may
smtp_tls_session_cache_database = btree:\${data_directory}/smtp_scache
smtpd_relay_restrictions = permit_mynetworks permit_sasl_authenticated defer_unauth_destination
myhostname = mail.example.org
alias_maps = inline:{{root = admin}}
myorigin = $myhostname
mydestination = $myhostname, mail, localhost.localdomain, , localhost
relayhost = 
mynetworks = 127.0.0.0/8 [::ffff:127.0.0.0]/104 [::1]/128
mailbox_size_limit = 0
recipient_delimiter = +
inet_interfaces = all
inet_protocols = all
`

/** As of the 2.x releases, which had no compatibility_level and no smtpd_relay_restrictions. */
const RED_HAT = `
queue_directory = /var/spool/postfix
command_directory = /usr/sbin
daemon_directory = /usr/libexec/postfix
data_directory = /var/lib/postfix
inet_interfaces = localhost
inet_protocols = all
mydestination = $myhostname, localhost.$mydomain, localhost
unknown_local_recipient_reject_code = 550
alias_maps = inline:{{root = admin}}
debug_peer_level = 2
debugger_command =
	 PATH=/bin:/usr/bin:/usr/local/bin:/usr/X11R6/bin
	 ddd $daemon_directory/$process_name $process_id & sleep 5
sendmail_path = /usr/sbin/sendmail.postfix
newaliases_path = /usr/bin/newaliases.postfix
mailq_path = /usr/bin/mailq.postfix
setgid_group = postdrop
html_directory = no
manpage_directory = /usr/share/man
sample_directory = /usr/share/doc/postfix-2.10.1/samples
readme_directory = /usr/share/doc/postfix-2.10.1/README_FILES
`

const machine = { hostname: 'mail.example.org', interfaces: [] }

for (const [name, mainCf] of [
  ['Debian', DEBIAN],
  ['Red Hat', RED_HAT],
] as const) {
  test(`nothing is said of ${name}'s own files`, async () => {
    const config = parseConfig(mainCf, allParams(), { masterCf: MASTER, machine })
    const told = (await allFindings(config)).map(({ line, text }) => `${line}: ${text}`)
    // Caches of the SMTP client are left alone, and that is told.
    assert.deepEqual(
      told.filter((text) => !text.includes('session_cache_database')),
      [],
    )
  })
}

test('ports of postscreen have a screen with its options, and smtpd with those of the service behind it', async () => {
  const masterCf =
    'smtp inet n - y - 1 postscreen -o smtpd_banner=x\nsmtpd pass - - y - - smtpd -o smtpd_helo_required=yes\n' +
    '127.0.0.1:10025 inet n - n - - smtpd\npolicy inet n - n - - spawn user=nobody argv=/bin/false\n'
  const config = parseConfig('inet_interfaces = 127.0.0.1\n', allParams(), {
    masterCf: masterCf.replace('policy', '12340'),
    machine,
  })
  const shown = listenersOf(config, []).map(({ port, overrides, screen }) => ({
    port,
    ...Object.fromEntries(overrides),
    ...(screen !== undefined && { screen }),
  }))
  assert.deepEqual(shown, [
    {
      port: 25,
      smtpd_helo_required: 'yes',
      service_name: 'smtp',
      process_name: 'smtpd',
      screen: [['smtpd_banner', 'x']],
    },
    { port: 10_025, service_name: '127.0.0.1:10025', process_name: 'smtpd' },
  ])
  const told = (await allFindings(config)).filter((f) => f.file.endsWith('master.cf')).map((f) => f.text)
  assert.deepEqual(told, ['12340/inet is not started: there is no spawn here'])
})

test('master.cf as it is found: names of services, addresses, macros in -o', async (t) => {
  const server = await startServer(t, {
    mainCf: 'mua_helo_restrictions = reject\n',
    files: {
      'master.cf':
        '127.0.0.1:smtp inet n - n - - smtpd -o syslog_name=postfix/$service_name\n' +
        '[127.0.0.1]:submission inet n - n - - smtpd\n -o smtpd_helo_restrictions=$mua_helo_restrictions -o smtpd_delay_reject=no\n' +
        'unused unix - n n - - pipe flags=F user=nobody argv=/no/such/program $recipient\n',
    },
  })
  assert.deepEqual(
    server.server.services.filter((s) => s.kind === 'smtpd').map((s) => s.name),
    ['smtp', 'submission'],
  )
  await transcript(
    server.port('submission'),
    'S: 220 …\nC: HELO x\nS: 554 5.7.1 <x>: Helo command rejected: Access denied',
  )
  await transcript(server.port('smtp'), 'S: 220 …\nC: QUIT\nS: 221 2.0.0 Bye')
  await server.logged(/ postfix\/127\.0\.0\.1:smtp\/smtpd\[\d+\]: connect from /)
})

test('names of files and tables that are not there: myorigin, mydestination, NIS, sockets', async (t) => {
  const server = await startServer(t, {
    accounts: ['ana'],
    mainCf:
      'myorigin = $config_directory/mailname\nmydestination = $config_directory/local, localhost\n' +
      'alias_maps = inline:{{chief = ana}}, nis:mail.aliases\n' +
      'smtpd_policy_service_try_limit = 1\nsmtpd_policy_service_default_action = 450 4.7.1 nobody there\n' +
      'smtpd_recipient_restrictions = check_recipient_access inline:{{bob@file.example.test = asks}}\n' +
      'smtpd_restriction_classes = asks\nasks = check_policy_service unix:private/policy\n',
    files: { mailname: 'origin.example.test\nanother line\n', local: 'file.example.test\norigin.example.test\n' },
  })
  await transcript(
    server.port('smtp'),
    `S: 220 …
    C: HELO x
    S: 250 …
    C: MAIL FROM:<a@elsewhere.test>
    S: 250 2.1.0 Ok
    C: RCPT TO:<chief@file.example.test>
    S: 250 2.1.5 Ok
    C: RCPT TO:<ana>
    S: 250 2.1.5 Ok
    C: RCPT TO:<no-such-user@origin.example.test>
    S: 550 5.1.1 …User unknown…
    C: RCPT TO:<bob@file.example.test>
    S: 450 4.7.1 …nobody there…`,
  )
  await server.logged(/private\/policy/)
})
