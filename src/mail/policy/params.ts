/**
 * Parameters of access restrictions, with Postfix 3.10's names and defaults.
 */
import { bool, choice, defineParams, int, list, raw, str, time } from '../../io/config/mod.ts'
import { milterParams } from './milter/params.ts'
import { permitLogParams } from './permit-log.ts'
import { probeSenderParams } from './probe-sender.ts'

/** What a restriction does when DNS or a probe fails for now. */
const tempfail = (initial: string, doc: string) =>
  str(initial, `${doc} defer_if_permit: later restrictions may still refuse for good; defer: at once.`)

export const policyParams = defineParams({
  ...milterParams,
  smtpd_proxy_filter: str('', 'An SMTP server that gets mail in place of the queue.'),
  smtpd_client_restrictions: str('', 'Restrictions on the client, asked at connection time.'),
  smtpd_helo_restrictions: str('', 'Restrictions on HELO and EHLO.'),
  smtpd_sender_restrictions: str('', 'Restrictions on MAIL FROM.'),
  smtpd_relay_restrictions: str(
    '${{$compatibility_level} <level {1} ? {} : {permit_mynetworks, permit_sasl_authenticated, defer_unauth_destination}}',
    'Restrictions on RCPT TO that keep this host from being an open relay.',
  ),
  smtpd_recipient_restrictions: str('', 'Restrictions on RCPT TO besides those against relaying.'),
  smtpd_data_restrictions: str('', 'Restrictions on DATA.'),
  smtpd_end_of_data_restrictions: str('', 'Restrictions at the end of a message.'),
  smtpd_etrn_restrictions: str('', 'Restrictions on ETRN.'),
  smtpd_restriction_classes: str('', 'Names that stand for lists of restrictions, each a parameter of its own.'),
  smtpd_relay_before_recipient_restrictions: bool(
    '${{$compatibility_level} <level {3.6} ? {no} : {yes}}',
    'smtpd_relay_restrictions are evaluated before smtpd_recipient_restrictions.',
  ),
  smtpd_delay_reject: bool('yes', 'Client, HELO and sender restrictions wait for RCPT TO or ETRN.'),
  smtpd_reject_unlisted_recipient: bool(
    'yes',
    'Unknown recipients are refused even without reject_unlisted_recipient.',
  ),
  receive_override_options: list(
    '',
    'What is not done to messages of a listener: no_header_body_checks, no_address_mappings, no_unknown_recipient_checks, no_milters.',
    { values: ['no_header_body_checks', 'no_address_mappings', 'no_unknown_recipient_checks', 'no_milters'] },
  ),
  smtpd_reject_unlisted_sender: bool('no', 'Unknown senders in our own domains are refused.'),
  smtpd_sasl_auth_enable: bool('no', 'Whether clients can log in.'),
  smtpd_sender_login_maps: str('', 'Tables of the log-in names that own a sender address.'),
  smtpd_null_access_lookup_key: str('<>', 'What the null sender is called in access tables.'),
  smtpd_expansion_filter: raw(
    '\\t\\40!"#$%&\'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\\\]^_`abcdefghijklmnopqrstuvwxyz{|}~',
    'Characters that $name in replies may bring in; others become underscores.',
  ),
  smtpd_policy_service_default_action: str(
    '451 4.3.5 Server configuration problem',
    'What is done when a policy service does not answer.',
  ),
  smtpd_policy_service_timeout: time('100s', 'How long a policy service may take.'),
  smtpd_policy_service_max_idle: time('300s', 'How long an unused connection to a policy service is kept.'),
  smtpd_policy_service_max_ttl: time('1000s', 'How long a connection to a policy service is kept at all.'),
  smtpd_policy_service_request_limit: int('0', 'Requests on one connection to a policy service; 0: any number.', {
    min: 0,
  }),
  smtpd_policy_service_try_limit: int('2', 'How often a policy service is asked before the default action.', {
    min: 1,
  }),
  smtpd_policy_service_retry_delay: time('1s', 'Pause between two such tries.'),
  smtpd_policy_service_policy_context: str('', 'A text that is passed on to policy services.'),
  smtpd_dns_reply_filter: str(
    '',
    'Tables that records of DNS are looked up in, as `name ttl IN type value`, for restrictions; the result IGNORE drops a record.',
  ),
  mynetworks: str('', 'The networks whose clients may relay; default: those of mynetworks_style.'),
  local_header_rewrite_clients: str(
    'permit_inet_interfaces',
    'Clients whose message headers are completed and rewritten as those of this host.',
  ),
  relay_domains: str(
    '${{$compatibility_level} <level {2} ? {$mydestination} : {}}',
    'Domains that mail is relayed to for anyone.',
  ),
  permit_mx_backup_networks: str('', 'Networks of the primary MX hosts that permit_mx_backup is content with.'),
  parent_domain_matches_subdomains: list(
    'debug_peer_list,fast_flush_domains,mynetworks,permit_mx_backup_networks,qmqpd_authorized_clients,relay_domains,smtpd_access_maps',
    'Parameters where example.com also means its subdomains.',
  ),
  recipient_delimiter: str('', 'Characters of which the first found parts user and extension: user+news.'),
  owner_request_special: bool('yes', 'owner-list and list-request are never cut at a hyphen.'),
  double_bounce_sender: str('double-bounce', 'Sender of notices that must not bounce again.'),
  ...probeSenderParams,
  ...permitLogParams,
  myorigin: str('$myhostname', 'The domain that is added to addresses without one.'),
  allow_untrusted_routing: bool('no', 'user@elsewhere@here is forwarded for strangers.'),
  relay_clientcerts: str('', 'Tables of client certificate fingerprints that permit_tls_clientcerts lets relay.'),
  maps_rbl_domains: str('', 'DNS lists that reject_maps_rbl asks.'),
  rbl_reply_maps: str('', 'Tables of reply templates by DNS list.'),
  default_rbl_reply: raw(
    '$rbl_code Service unavailable; $rbl_class [$rbl_what] blocked using $rbl_domain${rbl_reason?; $rbl_reason}',
    'The reply template for DNS lists.',
  ),
  dnsbl_time_limit: time(
    '10s',
    'How long all DNS lists of one evaluation may take together; those that are late count as not listing.',
  ),
  dnsbl_self_test: bool(
    'yes',
    'DNS lists are tried with 127.0.0.1 and 127.0.0.2 (RFC 5782, section 5); one that is dead or lists everything is skipped and reported.',
  ),
  soft_bounce: bool('no', 'Every permanent refusal is turned into a temporary one.'),
  access_map_reject_code: int('554', 'Reply code of REJECT in access tables.'),
  access_map_defer_code: int('450', 'Reply code of DEFER in access tables.'),
  reject_code: int('554', 'Reply code of reject.'),
  defer_code: int('450', 'Reply code of defer.'),
  relay_domains_reject_code: int('554', 'Reply code of reject_unauth_destination.'),
  maps_rbl_reject_code: int('554', 'Reply code for listed clients.'),
  invalid_hostname_reject_code: int('501', 'Reply code of reject_invalid_helo_hostname.'),
  non_fqdn_reject_code: int('504', 'Reply code of the reject_non_fqdn_ restrictions.'),
  unknown_hostname_reject_code: int('450', 'Reply code of reject_unknown_helo_hostname.'),
  unknown_client_reject_code: int('450', 'Reply code of reject_unknown_client_hostname.'),
  unknown_address_reject_code: int(
    '450',
    'Reply code of reject_unknown_sender_domain and reject_unknown_recipient_domain.',
  ),
  multi_recipient_bounce_reject_code: int('550', 'Reply code of reject_multi_recipient_bounce.'),
  plaintext_reject_code: int('450', 'Reply code of reject_plaintext_session.'),
  unverified_sender_reject_code: int('450', 'Reply code for senders that a probe found undeliverable.'),
  unverified_recipient_reject_code: int('450', 'Reply code for recipients that a probe found undeliverable.'),
  unverified_sender_defer_code: int('450', 'Reply code for senders whose probe failed for now.'),
  unverified_recipient_defer_code: int('450', 'Reply code for recipients whose probe failed for now.'),
  unverified_sender_reject_reason: str('', 'The text said instead of what the probe found out.'),
  unverified_recipient_reject_reason: str('', 'The text said instead of what the probe found out.'),
  reject_tempfail_action: choice(
    ['defer_if_permit', 'defer'],
    'defer_if_permit',
    'What the reject_unknown_ and reject_unverified_ restrictions do when they cannot find out.',
  ),
  unknown_helo_hostname_tempfail_action: tempfail(
    '$reject_tempfail_action',
    'What reject_unknown_helo_hostname does when DNS fails.',
  ),
  unknown_address_tempfail_action: tempfail(
    '$reject_tempfail_action',
    'What reject_unknown_sender_domain and _recipient_domain do when DNS fails.',
  ),
  unverified_sender_tempfail_action: tempfail(
    '$reject_tempfail_action',
    'What reject_unverified_sender does when the probe fails.',
  ),
  unverified_recipient_tempfail_action: tempfail(
    '$reject_tempfail_action',
    'What reject_unverified_recipient does when the probe fails.',
  ),
})
