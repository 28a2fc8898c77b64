/** Parameters of the SMTP server, with Postfix 3.10's names and defaults. */
import { bool, choice, defineParams, int, list, size, str, time } from '../../io/config/mod.ts'

export const smtpdParams = defineParams({
  syslog_name: str('postfix', 'What stands in front of the service in the log.'),
  mail_name: str('Postigo', 'The name of the mail system in the greeting.'),
  myhostname: str('', 'The internet host name of this mail system.'),
  smtpd_banner: str(
    '$myhostname ESMTP $mail_name',
    'What follows 220 in the greeting; RFC 5321 wants the host name first.',
  ),
  smtpd_helo_required: bool('no', 'Whether a client must say HELO or EHLO before MAIL.'),
  strict_rfc821_envelopes: bool('no', 'Whether addresses in MAIL and RCPT must stand in brackets.'),
  disable_vrfy_command: bool('no', 'Whether VRFY is refused.'),
  smtputf8_enable: bool(
    '${{$compatibility_level} <level {1} ? {no} : {yes}}',
    'Whether SMTPUTF8 is offered (RFC 6531).',
  ),
  smtpd_discard_ehlo_keywords: list('', 'EHLO keywords that are not said, in any case (`silent-discard` is left out).'),
  smtpd_authorized_verp_clients: list('$authorized_verp_clients', 'Clients that may ask for XVERP.'),
  default_verp_delimiters: str('+=', 'What XVERP puts in place of + and @ when the client names nothing.'),
  verp_delimiter_filter: str('-=+', 'Characters that XVERP may use.'),
  smtpd_noop_commands: list('', 'Commands that are answered like NOOP.'),
  smtpd_forbidden_commands: list('CONNECT GET POST', 'Commands that end the session at once: another protocol speaks.'),
  message_size_limit: size('10240000', 'The most octets of a message; 0 is no limit.', { min: 0 }),
  line_length_limit: int('2048', 'The most octets of a command line; the rest is dropped.', { min: 512 }),
  smtpd_recipient_limit: int('1000', 'The most recipients of one message: 452 4.5.3 after that.', { min: 1 }),
  smtpd_recipient_overshoot_limit: int(
    '1000',
    'How many recipients over the limit are answered before they count as errors.',
    { min: 1 },
  ),
  smtpd_error_sleep_time: time(
    '1s',
    'The wait before the answer to an error, once a client has made smtpd_soft_error_limit of them.',
  ),
  smtpd_soft_error_limit: int('10', 'Errors after which answers are delayed.', { min: 1 }),
  smtpd_hard_error_limit: int('20', 'Errors after which the client is disconnected: 421 4.7.0.', { min: 1 }),
  smtpd_junk_command_limit: int(
    '100',
    'NOOP, VRFY, ETRN, RSET and HELO commands between messages before each counts as an error.',
    { min: 1 },
  ),
  smtpd_timeout: time('300s', 'How long a client may say nothing: 421 4.4.2.', { min: 1000 }),
  smtpd_sasl_auth_enable: bool('no', 'Whether AUTH is offered.'),
  broken_sasl_auth_clients: bool('no', 'Whether EHLO also says AUTH=, which old Outlook versions read.'),
  smtpd_sasl_exceptions_networks: list('', 'Clients that AUTH is not offered to.'),
  smtpd_sasl_security_options: list(
    'noanonymous',
    'What mechanisms must not be like: noplaintext, noactive, nodictionary, noanonymous, mutual_auth.',
  ),
  smtpd_sasl_tls_security_options: list('$smtpd_sasl_security_options', 'The same, on a connection with TLS.'),
  smtpd_sasl_response_limit: int('12288', 'The most octets of a line in an AUTH exchange.', { min: 512 }),
  smtpd_tls_auth_only: bool('no', 'Whether AUTH is offered and taken only with TLS.'),
  smtpd_tls_security_level: choice(
    ['', 'none', 'may', 'encrypt'],
    '',
    'may: STARTTLS is offered; encrypt: it is required.',
  ),
  smtpd_use_tls: bool('no', 'Postfix 2.2 form of smtpd_tls_security_level = may.'),
  smtpd_enforce_tls: bool('no', 'Postfix 2.2 form of smtpd_tls_security_level = encrypt.'),
})
