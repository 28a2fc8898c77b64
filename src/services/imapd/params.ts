/** Parameters of the IMAP server; Postfix has none, so the names are in its manner. */
import { bool, choice, defineParams, int, list, size, str, time } from '../../io/config/mod.ts'
import { sharingParams } from './sharing-params.ts'

export const imapdParams = defineParams({
  ...sharingParams,
  imapd_idle_timeout: time(
    '1800s',
    'How long a client may say nothing before BYE (RFC 9051 §5.4: at least 30 minutes).',
    { min: 1000 },
  ),
  imapd_login_timeout: time('180s', 'How long a client may take to log in, whatever it says meanwhile.', { min: 1000 }),
  imapd_tls_auth_only: bool('$smtpd_tls_auth_only', 'Whether passwords are refused before TLS: LOGINDISABLED.'),
  imapd_line_limit: int('65536', 'The most octets of a command line, literals not counted.', { min: 8192 }),
  imapd_literal_limit: size('1048576', 'The most octets of a literal that is no message.', { min: 4096 }),
  imapd_append_limit: size('$message_size_limit', 'The most octets of a message in APPEND; 0 is no limit.', { min: 0 }),
  imapd_default_comparator: choice(
    ['i;unicode-casemap', 'i;ascii-casemap', 'i;octet', 'unmarked'],
    'i;unicode-casemap',
    'How SEARCH, SORT and THREAD compare text until a client chooses (RFC 5255); `unmarked` looks past marks too, and leaves no choice.',
  ),
  imapd_message_limit: int(
    '0',
    'The most messages that one SEARCH, FETCH, STORE, MOVE, UID EXPUNGE, COPY or APPEND works on: MESSAGELIMIT (RFC 9738); 0 is no limit. Clients that do not know it see the newest messages of a large mailbox only; not below 1000 in earnest.',
    { min: 0 },
  ),
  imapd_save_limit: int('0', 'The most messages of one COPY or APPEND: SAVELIMIT (RFC 9738); 0 is no limit.', {
    min: 0,
  }),
  imapd_uw_prefix: str(
    '',
    'What clients that were set up for UW-IMAP say in front of names (`mail/`): with it `mail/Sent` is Sent. Empty: nothing.',
  ),
  imapd_server_comment: str('', 'What IMAP clients read as the comment on the server: /shared/comment (RFC 5464).'),
  imapd_server_admin: str(
    '',
    'Where IMAP clients find the administrator, as a URI (mailto:…): /shared/admin (RFC 5464 §6.2.2).',
  ),
  imapd_admin_users: list(
    '',
    'Accounts (user, or user@domain) that set the limits of others by IMAP: QUOTASET (RFC 9208).',
  ),
  imapd_submit_users: list(
    '',
    'Accounts of submission servers, which fetch what users authorised by URLAUTH=submit+user (RFC 4467).',
  ),
  imapd_error_limit: int('50', 'How many BAD commands in a row end a session.', { min: 1 }),
  imapd_progress_interval: time(
    '10s',
    'How often a client that waits for a long command hears that it goes on (RFC 9585).',
    { min: 1000 },
  ),
  imapd_auth_failure_delay: time(
    '2s',
    'The wait before the answer to a failed log-in; it doubles with each one of a session, up to 16 s.',
  ),
})
