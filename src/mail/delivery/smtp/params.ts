/** Parameters of the SMTP and the LMTP client, with Postfix 3.10's names and defaults. */
import {
  bool,
  choice,
  type Config,
  defineParams,
  int,
  list,
  type ParamSpec,
  type Settings,
  str,
  time,
} from '../../../io/config/mod.ts'
import { queueParams } from '../../queue/mod.ts'
import { connectionParams } from './connection-params.ts'
import { clientDnsParams } from './dns-params.ts'
import { clientTlsParams } from './tls-params.ts'
import { outgoingParams } from './content-params.ts'

const ms = { min: 1000 }

export const deliveryParams = defineParams({
  ...connectionParams,
  minimal_backoff_time: queueParams.minimal_backoff_time,
  ...outgoingParams,
  myhostname: str('', 'The internet host name of this mail system.'),
  inet_protocols: list('all', 'The protocols that connections are made by: all, ipv4, ipv6.'),
  relayhost: str('', 'The host that takes all mail for elsewhere.'),
  fallback_relay: str('', 'The old name of smtp_fallback_relay.'),
  ignore_mx_lookup_error: bool('no', 'Whether a domain whose MX cannot be asked for is taken as one without.'),
  smtp_tcp_port: str('smtp', 'The port that is connected to where none is named.'),
  smtp_helo_name: str('$myhostname', 'The name that is said in EHLO.'),
  smtp_always_send_ehlo: bool('yes', 'Whether EHLO is said to every server, not only to those that greet with ESMTP.'),
  smtp_never_send_ehlo: bool('no', 'Whether HELO is said to every server.'),
  smtp_bind_address: str('', 'The IPv4 address that connections are made from.'),
  smtp_bind_address6: str('', 'The IPv6 address that connections are made from.'),
  smtp_host_lookup: list('dns', 'How addresses of hosts are found: dns, native (the hosts file, then DNS), or both.'),
  smtp_address_preference: choice(['any', 'ipv4', 'ipv6'], 'any', 'Which of equal addresses is tried first.'),
  smtp_randomize_addresses: bool('yes', 'Whether servers of equal preference are tried in an order of chance.'),
  smtp_mx_address_limit: int('5', 'How many addresses are tried; 0: all.', { min: 0 }),
  smtp_mx_session_limit: int('2', 'How many servers are talked to; 0: all.', { min: 0 }),
  smtp_fallback_relay: list('$fallback_relay', 'Hosts that mail goes to when its destination cannot be reached.'),
  smtp_skip_5xx_greeting: bool('yes', 'Whether a server that greets with 5xx is passed over and mail waits.'),
  smtp_defer_if_no_mx_address_found: bool('no', 'Whether mail waits where no MX host has an address.'),
  smtp_quote_rfc821_envelope: bool('yes', 'Whether local parts are quoted as RFC 5321 wants.'),
  smtp_discard_ehlo_keywords: list('', 'Words of the EHLO reply that are passed over.'),
  smtp_discard_ehlo_keyword_address_maps: str('', 'Tables of such words by the server’s address.'),
  smtp_connect_timeout: time('30s', 'How long a connection may take.', { min: 0 }),
  smtp_helo_timeout: time('300s', 'How long the greeting and EHLO may take.', ms),
  smtp_mail_timeout: time('300s', 'How long the answer to MAIL may take.', ms),
  smtp_rcpt_timeout: time('300s', 'How long the answer to RCPT may take.', ms),
  smtp_data_init_timeout: time('120s', 'How long the answer to DATA may take.', ms),
  smtp_data_xfer_timeout: time('180s', 'How long the server may take no octets of a message.', ms),
  smtp_data_done_timeout: time('600s', 'How long the answer to the end of data may take.', ms),
  smtp_starttls_timeout: time('300s', 'How long STARTTLS and the handshake may take.', ms),
  smtp_sasl_auth_enable: bool('no', 'Whether the client logs in where the server offers it.'),
  smtp_sasl_password_maps: str('', 'Tables of `user:password` by next hop, server name or sender.'),
  smtp_sasl_security_options: list('noplaintext, noanonymous', 'What a mechanism must not be, without TLS.'),
  smtp_sasl_tls_security_options: list('$smtp_sasl_security_options', 'The same under TLS.'),
  smtp_sasl_tls_verified_security_options: list(
    '$smtp_sasl_tls_security_options',
    'The same under TLS with a server whose certificate was verified.',
  ),
  smtp_sasl_mechanism_filter: list('', 'Mechanisms that may be used, `!` in front of those that may not.'),
  smtp_sasl_auth_soft_bounce: bool('yes', 'Whether mail waits where the server refuses the log-in for good.'),
  smtp_sender_dependent_authentication: bool('no', 'Whether passwords are looked up by the sender first.'),
  smtp_use_tls: bool('no', 'The old form of smtp_tls_security_level = may.'),
  smtp_enforce_tls: bool('no', 'The old form of smtp_tls_security_level = encrypt, or verify.'),
  smtp_tls_enforce_peername: bool('yes', 'With smtp_enforce_tls: whether the server’s name must match.'),
  smtp_tls_security_level: choice(
    ['', 'none', 'may', 'encrypt', 'verify', 'secure', 'fingerprint', 'dane', 'dane-only'],
    '',
    'none, may (TLS where it is offered), encrypt (never without), verify, secure (with a trusted certificate of the right name), fingerprint, dane (as TLSA records say, else may), dane-only (never without them); these two want smtp_dns_support_level = dnssec and a resolver that validates.',
  ),
  smtp_tls_policy_maps: str('', 'Tables of levels, with attributes, by next hop.'),
  smtp_tls_wrappermode: bool('no', 'Whether TLS begins before the greeting (port 465).'),
  smtp_tls_CAfile: str('', 'PEM file of the authorities that vouch for servers.'),
  smtp_tls_CApath: str('', 'Directory of such files, by the names that c_rehash gives them.'),
  tls_append_default_CA: bool('no', 'Whether the system’s authorities vouch for clients too.'),
  smtp_tls_verify_cert_match: list('hostname', 'Names that a certificate must have at level verify.'),
  smtp_tls_secure_cert_match: list('nexthop, dot-nexthop', 'Names that a certificate must have at level secure.'),
  smtp_tls_fingerprint_cert_match: list('', 'Fingerprints of certificates or keys at level fingerprint.'),
  smtp_tls_fingerprint_digest: str(
    '${{$compatibility_level} <level {3.6} ? {md5} : {sha256}}',
    'The hash of such fingerprints.',
  ),
  smtp_tls_servername: str('', 'The name sent in SNI: a name, hostname or nexthop.'),
  smtp_tls_protocols: list('>=TLSv1', 'TLS versions while TLS is optional.'),
  smtp_tls_mandatory_protocols: list('>=TLSv1', 'TLS versions where TLS is required.'),
  smtp_tls_ciphers: str('medium', 'The least cipher grade, high or medium, while TLS is optional.'),
  smtp_tls_mandatory_ciphers: str('medium', 'The least cipher grade where TLS is required.'),
  smtp_tls_exclude_ciphers: list('', 'OpenSSL names of ciphers that are never used.'),
  smtp_tls_mandatory_exclude_ciphers: list('', 'More of them where TLS is required.'),
  tls_high_cipherlist: str('aNULL:-aNULL:HIGH:@STRENGTH', 'The OpenSSL cipher list of grade high.'),
  tls_medium_cipherlist: str(
    'aNULL:-aNULL:HIGH:MEDIUM:+RC4:@STRENGTH',
    'The OpenSSL cipher list of grade medium, and of low and export, which are gone.',
  ),
  smtp_tls_loglevel: int('0', '1: each TLS connection is logged.', { min: 0 }),
  smtp_tls_note_starttls_offer: bool('no', 'Whether servers that offer STARTTLS unused are logged.'),
  ...clientTlsParams,
  ...clientDnsParams,
})

/** Where the LMTP client's defaults are not the SMTP client's. */
const LMTP_DEFAULTS: Readonly<Record<string, string>> = {
  lmtp_tcp_port: '24',
  lmtp_connect_timeout: '0s',
  lmtp_fallback_relay: '',
  lmtp_tls_secure_cert_match: 'nexthop',
  lmtp_skip_quit_response: 'no',
}
const LMTP_NAMES: Readonly<Record<string, string>> = {
  smtp_helo_name: 'lmtp_lhlo_name',
  smtp_helo_timeout: 'lmtp_lhlo_timeout',
  smtp_discard_ehlo_keywords: 'lmtp_discard_lhlo_keywords',
  smtp_discard_ehlo_keyword_address_maps: 'lmtp_discard_lhlo_keyword_address_maps',
}
const WITHOUT_LMTP: ReadonlySet<string> = new Set([
  'smtp_always_send_ehlo',
  'smtp_never_send_ehlo',
  'smtp_tls_dane_insecure_mx_policy',
  'smtp_tlsrpt_enable',
  'smtp_tlsrpt_skip_reused_handshakes',
])

const lmtpName = (name: string): string => LMTP_NAMES[name] ?? name.replace(/^smtp_/, 'lmtp_')

/** Every smtp_ parameter's twin. */
export const lmtpParams: Readonly<Record<string, ParamSpec<unknown>>> = Object.freeze(
  Object.fromEntries(
    Object.entries<ParamSpec<unknown>>(deliveryParams)
      .filter(([name]) => name.startsWith('smtp_') && !WITHOUT_LMTP.has(name))
      .map(([name, spec]) => {
        const twin = lmtpName(name)
        return [twin, { ...spec, default: LMTP_DEFAULTS[twin] ?? spec.default.replace(/\bsmtp_/g, 'lmtp_') }]
      }),
  ),
)

export type ClientSettings = Settings<typeof deliveryParams>

/** The settings of one client under their smtp_ names, whichever it is. */
export function clientSettings(config: Config, protocol: 'smtp' | 'lmtp'): ClientSettings {
  const smtp = config.bind(deliveryParams)
  if (protocol === 'smtp') return smtp
  const lmtp = config.bind(lmtpParams)
  const named = Object.keys(deliveryParams).map((name) => [name, lmtp[lmtpName(name)] ?? Reflect.get(smtp, name)])
  return Object.fromEntries(named) as ClientSettings // the twins have the same kinds
}
