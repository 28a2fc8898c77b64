/** Parameters of the SMTP server, with Postfix 3.10's names and defaults. */
import { beforeQueueParams } from './before-queue/params.ts'
import { burlParams } from './burl-params.ts'
import { bool, choice, defineParams, int, list, raw, size, str, time } from '../../io/config/mod.ts'

/** A limit on what one client may do in anvil_rate_time_unit; 0 is none. */
const rate = (what: string) =>
  int('0', `The most ${what} of one client in anvil_rate_time_unit; 0 is no limit.`, { min: 0 })

const identity = defineParams({
  syslog_name: str(
    '${multi_instance_name?{$multi_instance_name}:{postfix}}',
    'What stands in front of the service in the log.',
  ),
  mail_name: str('Postigo', 'The name of the mail system in the greeting.'),
  myhostname: str('', 'The internet host name of this mail system.'),
  smtpd_banner: str(
    '$myhostname ESMTP $mail_name',
    'What follows 220 in the greeting; RFC 5321 wants the host name first.',
  ),
})

const protocol = defineParams({
  smtpd_delay_open_until_valid_rcpt: bool(
    'yes',
    'Whether a message has its queue id from the first accepted recipient on; no: from MAIL on, refusals have it too.',
  ),
  smtpd_hide_client_session: bool(
    'no',
    'Whether Received says nothing of the client: neither who it is nor how it came.',
  ),
  smtpd_helo_required: bool('no', 'Whether a client must say HELO or EHLO before MAIL.'),
  strict_rfc821_envelopes: bool('no', 'Whether addresses in MAIL and RCPT must stand in brackets.'),
  soft_bounce: bool('no', 'Whether every refusal for good is said as one for now, for trying a configuration.'),
  disable_vrfy_command: bool('no', 'Whether VRFY is refused.'),
  smtputf8_enable: bool(
    '${{$compatibility_level} <level {1} ? {no} : {yes}}',
    'Whether SMTPUTF8 is offered (RFC 6531), and command lines must be UTF-8.',
  ),
  strict_smtputf8: bool('no', 'Whether addresses outside ASCII are refused in a transaction without SMTPUTF8.'),
  smtpd_discard_ehlo_keywords: list(
    '',
    'EHLO keywords that are not said, in any case; `silent-discard` keeps that out of the log.',
  ),
  smtpd_discard_ehlo_keyword_address_maps: str(
    '',
    'Tables of such lists by client address; where one has the client, it takes the place of smtpd_discard_ehlo_keywords.',
  ),
  smtpd_command_filter: str('', 'A table that turns command lines of clients into others.'),
  smtpd_noop_commands: list('', 'Commands that are answered like NOOP.'),
  smtpd_forbidden_commands: list(
    'CONNECT GET POST regexp:{{/^[^A-Z]/ Bogus}}',
    'Commands, and tables of command lines, that end the session at once: another protocol speaks.',
  ),
  smtpd_forbid_unauth_pipelining: bool(
    'yes',
    'Whether a client that sends on where it must wait (RFC 2920) is disconnected.',
  ),
  smtpd_forbid_bare_newline: choice(
    ['normalize', 'yes', 'reject', 'note', 'no'],
    'normalize',
    'Lines that end in LF alone. normalize (or yes): taken as lines, but never the end of a message; note: the same, and logged; reject: refused; no: taken as if CR stood there, which lets messages be smuggled in.',
  ),
  smtpd_forbid_bare_newline_exclusions: list('$mynetworks', 'Clients for whom smtpd_forbid_bare_newline is no.'),
  smtpd_forbid_bare_newline_reject_code: int('550', 'The reply code to a bare LF; 521 disconnects.', {
    min: 500,
    max: 599,
  }),
  cleanup_replace_stray_cr_lf: bool('yes', 'Whether a CR that is no line end becomes a blank in message content.'),
})

const limits = defineParams({
  message_size_limit: size('10240000', 'The most octets of a message, envelope information included; 0 is no limit.', {
    min: 0,
  }),
  line_length_limit: int('2048', 'The most octets of a command line: 500 5.5.2 after that.', { min: 512 }),
  smtpd_recipient_limit: int('1000', 'The most recipients of one message: 452 4.5.3 after that.', { min: 1 }),
  smtpd_recipient_overshoot_limit: int(
    '1000',
    'How many recipients over the limit are answered before they count as errors.',
    { min: 1 },
  ),
  smtpd_error_sleep_time: time(
    '1s',
    'The wait before each answer, once a client has made smtpd_soft_error_limit errors without delivering mail.',
  ),
  smtpd_soft_error_limit: int('10', 'Errors after which answers are delayed.', { min: 1 }),
  smtpd_history_flush_threshold: int(
    '100',
    'How many lines of a session are kept for notify_classes before EHLO, RSET or a message ends what belongs together.',
    { min: 1 },
  ),
  smtpd_hard_error_limit: int('${stress?{1}:{20}}', 'Errors after which the client is disconnected: 421 4.7.0.', {
    min: 1,
  }),
  smtpd_junk_command_limit: int(
    '${stress?{1}:{100}}',
    'Commands that bring nothing forward (NOOP, VRFY, RSET …) between messages, before each counts as an error.',
    { min: 1 },
  ),
  smtpd_timeout: time('${stress?{10}:{300}}s', 'How long a client may say nothing: 421 4.4.2.', { min: 1000 }),
  smtpd_starttls_timeout: time(
    '${stress?{10}:{300}}s',
    'How long a TLS handshake may take, that of IMAP and POP3 too.',
    { min: 1000 },
  ),
  smtpd_per_request_deadline: bool(
    '${smtpd_per_record_deadline?{$smtpd_per_record_deadline}:{${stress?{yes}:{no}}}}',
    'Whether smtpd_timeout is for a whole command, not for each of its pieces.',
  ),
  smtpd_min_data_rate: int('500', 'With such deadlines: octets of content that earn a client one more second.', {
    min: 0,
  }),
})

const clients = defineParams({
  smtpd_upstream_proxy_protocol: choice(
    ['', 'haproxy'],
    '',
    'haproxy: a load balancer says in front of each connection for whom it speaks (PROXY protocol, versions 1 and 2).',
  ),
  smtpd_upstream_proxy_timeout: time('5s', 'How long it may take to say so.', { min: 1000 }),
  smtpd_client_port_logging: bool('no', 'Whether the log names the port of a client: `name[address]:port`.'),
  smtpd_peername_lookup: bool('yes', 'Whether client names are looked up; otherwise all are `unknown`.'),
  smtpd_authorized_verp_clients: list('$authorized_verp_clients', 'Clients that may ask for XVERP.'),
  default_verp_delimiters: str('+=', 'What XVERP puts in place of + and @ when the client names nothing.'),
  verp_delimiter_filter: str('-=+', 'Characters that XVERP may use.'),
  smtpd_authorized_xclient_hosts: list('', 'Clients that may say with XCLIENT for whom they speak.'),
  smtpd_authorized_xforward_hosts: list('', 'Clients that may say with XFORWARD where a message came from.'),
  smtpd_client_connection_count_limit: int('50', 'The most connections of one client at a time; 0 is no limit.', {
    min: 0,
  }),
  smtpd_client_connection_rate_limit: rate('connections'),
  smtpd_client_ipv4_prefix_length: int('32', 'Clients of one IPv4 network of this size are counted as one.', {
    min: 0,
    max: 32,
  }),
  smtpd_client_ipv6_prefix_length: int('84', 'Clients of one IPv6 network of this size are counted as one.', {
    min: 0,
    max: 128,
  }),
  smtpd_client_message_rate_limit: rate('messages'),
  smtpd_client_recipient_rate_limit: rate('recipients'),
  smtpd_client_auth_rate_limit: rate('AUTH commands'),
  smtpd_client_new_tls_session_rate_limit: rate('TLS handshakes'),
  smtpd_client_event_limit_exceptions: list(
    '${smtpd_client_connection_limit_exceptions:$mynetworks}',
    'Clients that these limits are not for.',
  ),
  anvil_rate_time_unit: time('60s', 'The time over which clients are counted.', { min: 1000 }),
})

const security = defineParams({
  smtpd_sasl_auth_enable: bool('no', 'Whether AUTH is offered.'),
  broken_sasl_auth_clients: bool('no', 'Whether EHLO also says AUTH=, which old Outlook versions read.'),
  smtpd_sasl_exceptions_networks: list('', 'Clients that AUTH is not offered to.'),
  smtpd_sasl_security_options: list(
    'noanonymous',
    'What mechanisms must not be like: noplaintext, noactive, nodictionary, noanonymous, mutual_auth.',
  ),
  smtpd_sasl_tls_security_options: list('$smtpd_sasl_security_options', 'The same, on a connection with TLS.'),
  smtpd_sasl_mechanism_filter: list(
    '!external, static:rest',
    'Which of the mechanisms are offered: names, tables, `!` before what is not.',
  ),
  smtpd_sasl_response_limit: int('12288', 'The most octets of a line in an AUTH exchange.', { min: 12_288 }),
  smtpd_sasl_service: str('smtp', 'The name of the service to DIGEST-MD5, saslauthd and Dovecot.'),
  smtpd_tls_auth_only: bool('no', 'Whether AUTH is offered and taken only with TLS.'),
  smtpd_tls_security_level: choice(
    ['', 'none', 'may', 'encrypt'],
    '',
    'may: STARTTLS is offered; encrypt: it is required.',
  ),
  smtpd_tls_loglevel: int('0', '1: a log line for each TLS session; higher levels say no more.', { min: 0 }),
  smtpd_tls_wrappermode: bool('no', 'Whether a service speaks TLS from the first octet on (port 465).'),
  smtpd_tls_req_ccert: bool(
    'no',
    'Whether, where TLS is required, a client without a trusted certificate is sent away.',
  ),
  smtpd_use_tls: bool('no', 'Postfix 2.2 form of smtpd_tls_security_level = may.'),
  smtpd_enforce_tls: bool('no', 'Postfix 2.2 form of smtpd_tls_security_level = encrypt.'),
  smtpd_reject_footer_maps: str(
    '',
    'Tables of such texts by the whole reply; where one has it, it takes the place of smtpd_reject_footer.',
  ),
  smtpd_reject_footer: raw(
    '',
    'Text behind each refusal, on a line of its own or, with \\c at its start, on the same; $client_address, $client_port, $localtime and $server_name are filled in.',
  ),
})

export const smtpdParams = defineParams({
  ...identity,
  ...protocol,
  ...limits,
  ...clients,
  ...security,
  ...beforeQueueParams,
  ...burlParams,
})
