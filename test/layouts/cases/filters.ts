/** Sites that have their mail looked at: rspamd as a milter, amavis as a content filter between two ports. */
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { INSIDE, type Layout, type Site, sends } from '../layout.ts'
import { isOpen, program } from '../../support/programs.ts'
import type { TestContext } from 'node:test'

const GTUBE = 'JS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X'
const RSPAMD_PORT = 11_332

async function rspamd(t: TestContext, { dir, address }: Site): Promise<Record<string, string>> {
  const home = join(dir, 'rspamd')
  mkdirSync(home)
  chmodSync(dir, 0o755)
  writeFileSync(
    join(home, 'rspamd.conf'),
    `options {
  pidfile = "${home}/pid"; tempdir = "${home}"; dynamic_conf = ""; control_socket = "${home}/control mode=0600";
  filters = ""; gtube_patterns = "all"; max_lua_urls = 10; dns { nameserver = ["${address}"]; timeout = 1s; }
}
logging { type = "file"; filename = "${home}/log"; level = "notice"; }
actions { reject = 15; add_header = 6; }
worker "rspamd_proxy" {
  bind_socket = "${address}:${RSPAMD_PORT}"; milter = yes; timeout = 20s; count = 1;
  upstream "local" { default = yes; self_scan = yes; }
}
`,
  )
  execFileSync('chown', ['-R', '_rspamd', home])
  const argv = ['rspamd', '-f', '-c', join(home, 'rspamd.conf'), '-u', '_rspamd', '-g', '_rspamd'] as const
  await program(t, argv, () => isOpen(address, RSPAMD_PORT), join(home, 'log'))
  return { RSPAMD: `inet:${address}:${RSPAMD_PORT}` }
}

export const rspamdMilter: Layout = {
  name: 'rspamd as a milter',
  mainCf: `
myhostname = mx.clean.test
mydestination = $myhostname
virtual_mailbox_domains = clean.test
virtual_mailbox_maps = inline:{ ana@clean.test=ana/, pepe@clean.test=pepe/ }
virtual_transport = lmtp:inet:[@STORE_CLEAN_TEST@]:24
smtpd_milters = @RSPAMD@
non_smtpd_milters = $smtpd_milters
milter_protocol = 6
milter_mail_macros = i {mail_addr} {client_addr} {client_name} {auth_authen}
milter_default_action = tempfail
`,
  hosts: { 'store.clean.test': { inner: true, port: 24, refuses: /^pepe@/ }, 'mx.known.test': { mx: ['known.test'] } },
  neighbours: rspamd,
  day: [
    sends('clean', 'friend@known.test', ['ana@clean.test']),
    sends('refused by the milter', 'friend@known.test', ['ana@clean.test'], { body: `X${GTUBE}` }),
    sends('marked by the milter', 'friend@known.test', ['ana@clean.test'], { body: `Y${GTUBE}` }),
    sends('comes back', 'friend@known.test', ['pepe@clean.test']),
    sends('unknown', 'friend@known.test', ['nosuch@clean.test']),
    sends('no relay', 'friend@known.test', ['x@known.test']),
    sends('two', 'friend@known.test', ['ana@clean.test', 'pepe@clean.test']),
    sends('out', 'ana@clean.test', ['x@known.test', 'y@known.test'], { client: INSIDE }),
    sends('out again', 'pepe@clean.test', ['x@known.test'], { client: INSIDE }),
    sends('out and in', 'pepe@clean.test', ['x@known.test', 'ana@clean.test'], { client: INSIDE }),
    sends('to ourselves outside', 'ana@clean.test', ['y@known.test'], { client: INSIDE, more: 'X-Note: 1\r\n' }),
    sends('spam from inside', 'ana@clean.test', ['x@known.test'], { client: INSIDE, body: `X${GTUBE}` }),
    sends('marked from inside', 'ana@clean.test', ['x@known.test'], { client: INSIDE, body: `Y${GTUBE}` }),
    { name: 'nothing sent', steps: ['EHLO x', 'MAIL FROM:<a@known.test>', 'RCPT TO:<ana@clean.test>', 'RSET', 'QUIT'] },
  ],
  expect: { sent: 8, bounced: 2 },
}

const AMAVIS_PORT = 10_024
const BACK_PORT = 10_025

async function amavis(t: TestContext, { dir, address }: Site): Promise<Record<string, string>> {
  const home = join(dir, 'amavis')
  const conf = join(dir, 'amavisd.conf') // in no directory that amavis may write in: it insists
  for (const name of ['', 'tmp', 'quarantine', 'db']) mkdirSync(join(home, name), { recursive: true })
  writeFileSync(
    conf,
    `use strict;
$mydomain = 'ward.test'; $myhostname = 'mx.ward.test';
$MYHOME = '${home}'; $TEMPBASE = "$MYHOME/tmp"; $QUARANTINEDIR = undef; $db_home = "$MYHOME/db";
$daemon_user = 'amavis'; $daemon_group = 'amavis'; $daemonize = 0;
$pid_file = "$MYHOME/pid"; $lock_file = "$MYHOME/lock";
$smtp_connection_cache_on_demand = 0; $smtp_connection_cache_enable = 0; $max_servers = 2; $child_timeout = 60; $enable_db = 0; $enable_global_cache = 0; $nanny_details_level = 0;
$log_level = 1; $do_syslog = 0; $logfile = "$MYHOME/log";
@mynetworks = ('127.0.0.0/8', '198.51.100.0/24'); @inet_acl = ('127.0.0.0/8');
$inet_socket_bind = '${address}'; $inet_socket_port = ${AMAVIS_PORT};
$forward_method = 'smtp:[${address}]:${BACK_PORT}'; $notify_method = $forward_method;
@local_domains_maps = (['.ward.test']);
@bypass_virus_checks_maps = (1); @bypass_spam_checks_maps = (1);
$bypass_decode_parts = 0; $path = '/usr/bin:/bin';
$final_banned_destiny = D_REJECT; $banned_quarantine_to = undef; $warnbannedsender = 0; $banned_admin = undef;
$banned_filename_re = new_RE(qr'\\.(exe|scr)$'i);
$final_bad_header_destiny = D_PASS; $bad_header_quarantine_to = undef; $bad_header_admin = undef;
1;
`,
  )
  execFileSync('chown', ['-R', 'amavis:amavis', home])
  await program(t, ['amavisd', '-c', conf, 'foreground'], () => isOpen(address, AMAVIS_PORT), join(home, 'log'))
  return {}
}

const EXE = 'Content-Type: multipart/mixed; boundary=b\r\nMIME-Version: 1.0\r\n'
const EXE_BODY =
  '--b\r\n\r\nSee the attachment.\r\n--b\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=run.exe\r\n\r\nMZ\r\n--b--'

export const amavisFilter: Layout = {
  name: 'amavis between two ports',
  mainCf: `
myhostname = mx.ward.test
mydestination = $myhostname
alias_maps = hash:$config_directory/aliases
virtual_alias_maps = hash:$config_directory/virtual
virtual_mailbox_domains = ward.test
virtual_mailbox_maps = inline:{ ana@ward.test=ana/, pepe@ward.test=pepe/ }
virtual_transport = lmtp:inet:[@STORE_WARD_TEST@]:24
content_filter = smtp-amavis:[@ADDRESS@]:${AMAVIS_PORT}
receive_override_options = no_address_mappings
header_checks = regexp:$config_directory/headers
smtpd_proxy_timeout = 20s
`,
  files: {
    aliases: 'postmaster: ana@ward.test\n',
    virtual: 'info@ward.test ana@ward.test, pepe@ward.test, x@known.test\n',
    headers: '/^Subject: skip/ FILTER lmtp:inet:[@STORE_WARD_TEST@]:24\n',
  },
  indexed: ['hash:aliases', 'hash:virtual'],
  masterCf: `
smtp-amavis unix - - n - 2 smtp
  -o smtp_data_done_timeout=1200
  -o smtp_send_xforward_command=yes
  -o disable_dns_lookups=yes
  -o max_use=20
@ADDRESS@:${BACK_PORT} inet n - n - - smtpd
  -o content_filter=
  -o smtpd_delay_reject=no
  -o smtpd_client_restrictions=permit_mynetworks,reject
  -o smtpd_helo_restrictions=
  -o smtpd_sender_restrictions=
  -o smtpd_recipient_restrictions=permit_mynetworks,reject
  -o smtpd_data_restrictions=reject_unauth_pipelining
  -o mynetworks=127.0.0.0/8
  -o smtpd_error_sleep_time=0
  -o smtpd_client_connection_count_limit=0
  -o smtpd_client_connection_rate_limit=0
  -o receive_override_options=no_header_body_checks,no_unknown_recipient_checks
  -o smtpd_authorized_xforward_hosts=127.0.0.0/8
  -o local_header_rewrite_clients=
`,
  hosts: { 'store.ward.test': { inner: true, port: 24, refuses: /^pepe@/ }, 'mx.known.test': { mx: ['known.test'] } },
  neighbours: amavis,
  day: [
    sends('clean', 'friend@known.test', ['ana@ward.test']),
    sends('to a role', 'friend@known.test', ['info@ward.test']),
    sends('to the postmaster', 'friend@known.test', ['postmaster@mx.ward.test']),
    sends('banned', 'friend@known.test', ['ana@ward.test'], { more: EXE, body: EXE_BODY }),
    sends('comes back', 'friend@known.test', ['pepe@ward.test']),
    sends('unknown', 'friend@known.test', ['nosuch@ward.test']),
    sends('no relay', 'friend@known.test', ['x@known.test']),
    sends('skip the filter', 'friend@known.test', ['ana@ward.test']),
    sends('null sender', '', ['ana@ward.test']),
    sends('out', 'ana@ward.test', ['x@known.test', 'y@known.test'], { client: INSIDE }),
    sends('out again', 'pepe@ward.test', ['x@known.test'], { client: INSIDE }),
    sends('out to a third', 'ana@ward.test', ['z@known.test'], { client: INSIDE }),
    sends('out and in', 'pepe@ward.test', ['x@known.test', 'ana@ward.test'], { client: INSIDE }),
    sends('banned from inside', 'ana@ward.test', ['x@known.test'], { client: INSIDE, more: EXE, body: EXE_BODY }),
  ],
  expect: { sent: 12, bounced: 3 },
}
