/** Parameters of the whole program: threads, services, log. Postfix's where it has them. */
import { bool, choice, defineParams, int, list, size, str, time } from '../../io/config/mod.ts'

export const mainParams = defineParams({
  mailbox_services: list(
    '',
    'Which of imap, imaps, pop3, pop3s, lmtp listen; `postigo service on|off NAME` changes it.',
  ),
  front_threads: int('0', 'Threads that speak with clients; 0 is one less than the cores, and at least one.', {
    min: 0,
    max: 32,
  }),
  single_thread: choice(
    ['auto', 'yes', 'no'],
    'auto',
    'Whether all runs in one thread: auto on one core or with less than 1 GiB.',
  ),
  intake_memory_limit: size(
    '33554432',
    'Octets of unfinished messages that a thread holds in memory; more go to disk.',
    { min: 1_048_576 },
  ),
  inet_protocols: list('all', 'Which of ipv4 and ipv6 are used; `all` is both.'),
  master_service_disable: list(
    '',
    'Services of master.cf that do not run: `name/type`, `name.type` or a type; `!` before what runs all the same.',
  ),
  maillog_file_permissions: choice(
    ['0600', '0640', '0644'],
    '0600',
    'Who may read the log file: its owner, the group too, or everyone.',
  ),
  maillog_file: str('', 'The file that log lines are written to; empty: standard output.'),
  maillog_format: choice(['text', 'json'], 'text', 'Lines as Postfix writes them, or one JSON object an event.'),
  path_record_lifetime: time(
    '7d',
    'How long `postigo why` can tell of mail: what was decided, by which rules; 0 records nothing.',
    {
      max: 3_153_600_000,
    },
  ),
  path_record_size_limit: size(
    '536870912',
    'Octets that the record for `postigo why` may take; the oldest days go first.',
    {
      min: 1_048_576,
    },
  ),
  queue_directory: str('/var/spool/postfix', 'Where relative file names of tables start. Nothing else of it is used.'),
  mail_owner: str('postfix', 'The user that the server runs as when root starts it; never root.'),
  system_passwords: bool(
    'yes',
    'Whether users of the system log in to IMAP and POP3 with their system password; needs a start as root.',
  ),
  pam_service: str(
    '',
    'The PAM service that system passwords are asked of, a file of /etc/pam.d (imap, dovecot); empty: passwd and shadow.',
  ),
  data_directory: str('/var/lib/postfix', 'All data of Postigo lies below it, in postigo/.'),
  alias_database: str('hash:/etc/aliases', 'The alias tables that newaliases indexes.'),
  mailbox_size_limit: size(
    '51200000',
    'Where main.cf sets it: the quota of each mailbox, in octets; 0 is none. Its default is no quota.',
    { min: 0 },
  ),
  authorized_submit_users: list('static:anyone', 'Users of this machine who may submit mail with sendmail.'),
  authorized_mailq_users: list('static:anyone', 'Users of this machine who may list the queue.'),
  authorized_flush_users: list('static:anyone', 'Users of this machine who may ask for waiting mail to be sent.'),
  local_submission_rate_limit: int(
    '600',
    'Messages of one user that are taken out of the maildrop in a minute; others wait for the next. 0 is no limit.',
    { min: 0 },
  ),
  smtpd_sasl_local_domain: str(
    '',
    'The SASL realm of accounts of this host; empty: myhostname. Where it is set, who logs in to SMTP by a bare name is name@domain in sender login maps and the log.',
  ),
  cyrus_sasl_config_path: str(
    '',
    'Directories, with colons between, in which smtpd_sasl_path.conf is looked for in place of the usual ones.',
  ),
  smtpd_sasl_type: choice(
    ['cyrus', 'dovecot'],
    'cyrus',
    'Who knows the passwords: the accounts here, as Cyrus SASL’s smtpd.conf says, or an authentication server of Dovecot.',
  ),
  smtpd_sasl_path: str(
    'smtpd',
    'cyrus: the name of the application, so that smtpd.conf is read; dovecot: its socket, from queue_directory, or inet:host:port.',
  ),
})
