/** Parameters of the POP3 server; Postfix has none, so the names are in its manner. */
import { bool, defineParams, int, time } from '../../io/config/mod.ts'

export const pop3dParams = defineParams({
  pop3d_idle_timeout: time(
    '600s',
    'How long a client may say nothing before it is disconnected (RFC 1939: at least 10 minutes).',
    { min: 1000 },
  ),
  pop3d_login_timeout: time('180s', 'How long a client may take to log in, whatever it says meanwhile.', { min: 1000 }),
  pop3d_tls_auth_only: bool('$smtpd_tls_auth_only', 'Whether a password is refused before TLS.'),
  pop3d_lock_maildrop: bool(
    'no',
    'Whether a maildrop that a session has open is refused to others (RFC 1939 §4), or each has the numbers of its own log-in.',
  ),
  pop3d_login_delay: time('0s', 'How long a user waits between two log-ins: LOGIN-DELAY; 0 is no delay.'),
  pop3d_error_limit: int('20', 'How many errors end a session.', { min: 1 }),
  pop3d_auth_failure_delay: time(
    '2s',
    'The wait before the answer to a failed log-in; it doubles with each one of a session, up to 16 s.',
  ),
})
