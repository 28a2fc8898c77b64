/** Parameters of milters, with Postfix 3.10's names and defaults. */
import { defineParams, str, time } from '../../../io/config/mod.ts'

const timeouts = defineParams({
  milter_connect_timeout: time('30s', 'How long a connection to a milter may take, options negotiated.', { min: 1000 }),
  milter_command_timeout: time('30s', 'How long a milter may take to answer an event of the SMTP dialogue.', {
    min: 1000,
  }),
  milter_content_timeout: time('300s', 'How long a milter may take to answer about the content of a message.', {
    min: 1000,
  }),
})

const macros = defineParams({
  milter_macro_daemon_name: str('$myhostname', 'The value of the macro {daemon_name}.'),
  milter_macro_v: str('$mail_name $mail_version', 'The value of the macro v.'),
  milter_macro_defaults: str('', 'Values of macros that have no other: name=value or {name=value}.'),
  milter_connect_macros: str('j {daemon_name} {daemon_addr} v _', 'Macros that milters get with a connection.'),
  milter_helo_macros: str(
    '{tls_version} {cipher} {cipher_bits} {cert_subject} {cert_issuer}',
    'Macros that milters get with HELO or EHLO.',
  ),
  milter_mail_macros: str(
    'i {auth_type} {auth_authen} {auth_author} {mail_addr} {mail_host} {mail_mailer}',
    'Macros that milters get with MAIL.',
  ),
  milter_rcpt_macros: str('i {rcpt_addr} {rcpt_host} {rcpt_mailer}', 'Macros that milters get with RCPT.'),
  milter_data_macros: str('i', 'Macros that milters get with DATA.'),
  milter_end_of_header_macros: str('i', 'Macros that milters get with each header field and behind the last.'),
  milter_end_of_data_macros: str('i', 'Macros that milters get with the body and the message’s end.'),
  milter_unknown_command_macros: str('', 'Macros that milters get with a command that is none.'),
})

export const milterParams = defineParams({
  ...timeouts,
  ...macros,
  smtpd_milters: str('', 'Filters that speak the milter protocol, for mail that comes by SMTP.'),
  smtpd_milter_maps: str(
    '',
    'Tables of such lists by client address, which take the place of smtpd_milters; DISABLE is none.',
  ),
  non_smtpd_milters: str('', 'Such filters for mail that comes otherwise, from sendmail for one.'),
  milter_protocol: str('6', 'The version of the milter protocol, 2, 3, 4 or 6, and no_header_reply.'),
  milter_default_action: str(
    'tempfail',
    'What is done where a milter cannot be asked: accept, reject, tempfail, quarantine or shutdown.',
  ),
})
