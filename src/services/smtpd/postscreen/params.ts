/** Parameters of postscreen(8), with Postfix 3.10's names and defaults. POSTSCREEN_README. */
import { bool, choice, defineParams, int, list, str, time } from '../../../io/config/mod.ts'

const ACTIONS = ['ignore', 'enforce', 'drop'] as const

/** What becomes of a client that fails a test. */
export type Action = (typeof ACTIONS)[number]

const action = (initial: Action, doc: string) =>
  choice(ACTIONS, initial, `${doc} ignore: it is only logged; enforce: its recipients are refused; drop: it hears 521.`)
const sought = (doc: string) => bool('no', `Whether a new client is looked at for ${doc}; it must come again then.`)
const DAY = { unit: 's', min: 1000 } as const

export const postscreenParams = defineParams({
  postscreen_access_list: str(
    'permit_mynetworks',
    'Who is let through, or stopped, for good: permit_mynetworks, and tables whose entries say permit, reject or dunno.',
  ),
  postscreen_denylist_action: choice(
    ACTIONS,
    '${postscreen_blacklist_action?{$postscreen_blacklist_action}:{ignore}}',
    'What becomes of a client that is stopped by postscreen_access_list.',
  ),
  postscreen_blacklist_action: str('', 'The name that postscreen_denylist_action had before Postfix 3.6.'),
  postscreen_allowlist_interfaces: str(
    '${postscreen_whitelist_interfaces?{$postscreen_whitelist_interfaces}:{static:all}}',
    'Own addresses at which a client can pass the tests; elsewhere it is never remembered (a backup MX).',
  ),
  postscreen_whitelist_interfaces: str('', 'The name that postscreen_allowlist_interfaces had before Postfix 3.6.'),
  postscreen_cache_map: str(
    'btree:$data_directory/postscreen_cache',
    'Empty: no client is remembered. Otherwise they are kept in the database, whatever table is named.',
  ),
  postscreen_cache_retention_time: time('7d', 'How long a client is remembered as one that came before.', {
    unit: 'd',
    min: 1000,
  }),
  postscreen_cache_cleanup_interval: time('12h', 'How often those who are not remembered any more are removed.', {
    unit: 'h',
    min: 1000,
  }),
  postscreen_greet_wait: time(
    '${stress?{2}:{6}}s',
    'How long a new client is watched before it is greeted. A client that speaks before its turn fails.',
    { min: 1000 },
  ),
  postscreen_greet_banner: str('$smtpd_banner', 'The first line of the greeting, before the wait; empty: none.'),
  postscreen_greet_action: action('ignore', 'What becomes of a client that speaks before its turn.'),
  postscreen_greet_ttl: time('1d', 'How long it is remembered that a client waited.', { unit: 'd', min: 1000 }),
  postscreen_dnsbl_sites: list(
    '',
    'DNS lists that are asked for a new client: domain=127.0.0.[2..8]*weight. Weights add up.',
  ),
  postscreen_dnsbl_threshold: int('1', 'The sum of weights from which on a client fails.', { min: 1 }),
  postscreen_dnsbl_allowlist_threshold: int(
    '${postscreen_dnsbl_whitelist_threshold?{$postscreen_dnsbl_whitelist_threshold}:{0}}',
    'The sum of weights, below zero, down from which a client passes all tests; 0: there is none.',
    { max: 0 },
  ),
  postscreen_dnsbl_whitelist_threshold: str(
    '',
    'The name that postscreen_dnsbl_allowlist_threshold had before Postfix 3.6.',
  ),
  postscreen_dnsbl_action: action('ignore', 'What becomes of a client whose weights reach the threshold.'),
  postscreen_dnsbl_reply_map: str('', 'A table of the names that replies give to DNS lists.'),
  postscreen_dnsbl_timeout: time('10s', 'How long a DNS list may take.', { min: 1000 }),
  postscreen_dnsbl_min_ttl: time('60s', 'How long at least it is remembered that no list had a client.', DAY),
  postscreen_dnsbl_max_ttl: time(
    '${postscreen_dnsbl_ttl?{$postscreen_dnsbl_ttl}:{1}}h',
    'How long at the most; in between as long as the lists say.',
    { unit: 'h', min: 1000 },
  ),
  postscreen_dnsbl_ttl: str('', 'The name that postscreen_dnsbl_max_ttl had before Postfix 3.1.'),
  postscreen_pipelining_enable: sought('commands before the answer to the last one'),
  postscreen_pipelining_action: action('enforce', 'What becomes of a client that does not wait for answers.'),
  postscreen_pipelining_ttl: time('30d', 'How long it is remembered that a client waited for answers.', {
    unit: 'd',
    min: 1000,
  }),
  postscreen_non_smtp_command_enable: sought('commands that are none of SMTP'),
  postscreen_non_smtp_command_action: action('drop', 'What becomes of a client that says other than SMTP.'),
  postscreen_non_smtp_command_ttl: time('30d', 'How long it is remembered that a client spoke SMTP.', {
    unit: 'd',
    min: 1000,
  }),
  postscreen_forbidden_commands: list('$smtpd_forbidden_commands', 'Commands that are none of SMTP.'),
  postscreen_bare_newline_enable: sought('lines that end in LF alone'),
  postscreen_bare_newline_action: action('ignore', 'What becomes of a client whose lines end in LF alone.'),
  postscreen_bare_newline_ttl: time('30d', 'How long it is remembered that a client ended lines in CRLF.', {
    unit: 'd',
    min: 1000,
  }),
  postscreen_client_connection_count_limit: int(
    '$smtpd_client_connection_count_limit',
    'Connections of one client that are looked at at a time; 0 is no limit.',
    { min: 0 },
  ),
  postscreen_pre_queue_limit: int('$default_process_limit', 'Clients that are looked at at a time.', { min: 10 }),
  postscreen_command_count_limit: int('20', 'Commands of a client that is looked at.', { min: 1 }),
  postscreen_command_time_limit: time('${stress?{10}:{300}}s', 'How long such a client may take for a command.', {
    min: 1000,
  }),
  postscreen_command_filter: str('', 'A table that turns command lines of such clients into others.'),
  postscreen_helo_required: bool('$smtpd_helo_required', 'Whether such a client must say HELO before MAIL.'),
  postscreen_disable_vrfy_command: bool('$disable_vrfy_command', 'Whether VRFY of such a client is refused.'),
  postscreen_discard_ehlo_keywords: list(
    '$smtpd_discard_ehlo_keywords',
    'Words of the EHLO reply that such a client does not hear.',
  ),
  postscreen_discard_ehlo_keyword_address_maps: str(
    '$smtpd_discard_ehlo_keyword_address_maps',
    'Tables of such words by client address, in place of postscreen_discard_ehlo_keywords.',
  ),
  postscreen_tls_security_level: choice(
    ['', 'none', 'may', 'encrypt'],
    '$smtpd_tls_security_level',
    'Whether TLS is offered to such a client, or required.',
  ),
  postscreen_use_tls: bool('$smtpd_use_tls', 'The same, before Postfix 2.3: may.'),
  postscreen_enforce_tls: bool('$smtpd_enforce_tls', 'The same, before Postfix 2.3: encrypt.'),
  postscreen_upstream_proxy_protocol: choice(
    ['', 'haproxy'],
    '',
    'Whether a load balancer stands before this listener, and says who the client is.',
  ),
  postscreen_upstream_proxy_timeout: time('5s', 'How long that may take.', { min: 1000 }),
  respectful_logging: bool(
    '${{$compatibility_level} <level {3.6} ? {no} : {yes}}',
    'Whether the log says ALLOWLISTED and DENYLISTED, as Postfix 3.6 does, or WHITELISTED and BLACKLISTED.',
  ),
})
