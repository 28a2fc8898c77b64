/** Parameters of the clients' connections: how long they are kept, what their time limits mean, who they say they are. */
import { bool, choice, defineParams, int, list, str, time } from '../../../io/config/mod.ts'

const ms = { min: 1000 }

export const connectionParams = defineParams({
  connection_cache_ttl_limit: time('2s', 'The longest that an unused connection is kept, whatever a client asks.', ms),
  smtp_connection_cache_on_demand: bool(
    'yes',
    'Whether connections are kept and used again while mail for a destination follows mail.',
  ),
  smtp_connection_cache_destinations: list('', 'Next hops whose connections are always kept for the next message.'),
  smtp_connection_cache_time_limit: time('2s', 'How long a connection is kept unused.', ms),
  smtp_connection_reuse_count_limit: int('0', 'How often a connection is used again; 0: no limit.', { min: 0 }),
  smtp_connection_reuse_time_limit: time('300s', 'How long a connection is used, from when it was made.', ms),
  smtp_tls_connection_reuse: bool('no', 'Whether connections under TLS are kept too.'),
  smtp_rset_timeout: time('20s', 'How long the answer to RSET may take.', ms),
  smtp_quit_timeout: time('300s', 'How long the answer to QUIT may take.', ms),
  smtp_skip_quit_response: bool('yes', 'Whether the answer to QUIT is not waited for.'),
  smtp_tls_session_cache_database: str(
    '',
    'Whether TLS sessions are resumed: with any value they are kept in memory, not in the file that it names.',
  ),
  smtp_tls_session_cache_timeout: time(
    '3600s',
    'How long a TLS session may be resumed, at least 2 minutes and at most 100 days; 0: none is.',
    { min: 0 },
  ),
  smtp_per_request_deadline: bool(
    '${smtp_per_record_deadline?{$smtp_per_record_deadline}:{no}}',
    'Whether time limits are for a whole reply or message, not for each piece of it.',
  ),
  smtp_min_data_rate: int(
    '500',
    'With smtp_per_request_deadline: octets of a message that give its time limit another second.',
    { min: 1 },
  ),
  smtp_balance_inet_protocols: bool(
    'yes',
    'Whether IPv4 and IPv6 addresses share smtp_mx_address_limit, so that neither crowds the other out.',
  ),
  smtp_bind_address_enforce: bool(
    'no',
    'Whether mail waits where the address that it should leave from is none of ours.',
  ),
  inet_interfaces: str('all', 'The addresses that mail is received on; user@[address] for one of them is local.'),
  lmtp_assume_final: bool(
    'no',
    'Whether what an LMTP server without DSN has taken is reported as delivered, not as relayed.',
  ),
  smtp_address_verify_target: choice(
    ['rcpt', 'data'],
    'rcpt',
    'The command whose answer decides on an address that is asked about.',
  ),
  smtp_send_xforward_command: bool('no', 'Whether a server that offers XFORWARD is told where a message came from.'),
  smtp_xforward_timeout: time('300s', 'How long the answer to XFORWARD may take.', ms),
  smtp_sasl_type: str(
    'cyrus',
    'What logs in to servers: cyrus; with another name mail waits, as no other is built in.',
  ),
  smtp_send_dummy_mail_auth: bool('no', 'Whether MAIL says AUTH=<> where the client is logged in.'),
  send_cyrus_sasl_authzid: bool('no', 'Whether log-ins name the user a second time, as whom they act.'),
  smtp_cname_overrides_servername: bool('no', 'Whether a server is known by the name that CNAMEs lead to.'),
})
