/**
 * Parameters of rewriting, routing and aliases, with Postfix 3.10's names and defaults.
 */
import { bool, defineParams, int, list, raw, str } from '../../io/config/mod.ts'
import { probeRouteParams } from './probe-params.ts'

const ADDRESSES = ['envelope_sender', 'envelope_recipient', 'header_sender', 'header_recipient']
const PLACES = ['alias', 'forward', 'include']

export const routingParams = defineParams({
  myhostname: str('', 'The internet hostname of this mail system.'),
  mydomain: str('', 'The internet domain of this mail system; default: $myhostname minus its first label.'),
  myorigin: str(
    '$myhostname',
    'The domain that is added to addresses without one. An absolute file name means the first line of that file (Debian: /etc/mailname).',
  ),
  mydestination: str(
    '$myhostname, localhost.$mydomain, localhost',
    'Domains that are delivered here: names, file names, tables. Every account of this host gets mail for each of them.',
  ),
  inet_interfaces: str('all', 'The addresses that mail is received on; user@[address] for one of them is local.'),
  proxy_interfaces: str('', 'Addresses that a proxy or NAT in front of this host receives mail on.'),
  relay_domains: str(
    '${{$compatibility_level} <level {2} ? {$mydestination} : {}}',
    'Domains, and their subdomains if parent_domain_matches_subdomains says so, that mail is relayed to for anyone.',
  ),
  virtual_alias_domains: str('$virtual_alias_maps', 'Domains whose every address is an alias in virtual_alias_maps.'),
  virtual_alias_maps: str('$virtual_maps', 'Tables that alias addresses of any domain: virtual(5).'),
  virtual_maps: str('', 'The name that virtual_alias_maps had in Postfix 1.1.'),
  virtual_mailbox_domains: str(
    '$virtual_mailbox_maps',
    'Domains with mailboxes of their own, not those of system users.',
  ),
  virtual_mailbox_maps: str('', 'Tables of the valid addresses in virtual_mailbox_domains.'),
  virtual_alias_expansion_limit: int('1000', 'How many addresses virtual aliases may make of one recipient.', {
    min: 1,
  }),
  virtual_alias_recursion_limit: int('1000', 'How deep virtual aliases may nest.', { min: 1 }),
  virtual_alias_address_length_limit: int('1000', 'How long an address out of virtual aliases may be.', { min: 1 }),
  local_recipient_maps: str(
    'proxy:unix:passwd.byname $alias_maps',
    'Tables of the valid names in mydestination, besides accounts. Empty: every name is accepted.',
  ),
  relay_recipient_maps: str('', 'Tables of the valid addresses in relay_domains. Empty: every one is accepted.'),
  alias_maps: str('hash:/etc/aliases, nis:mail.aliases', 'Tables of local aliases: aliases(5).'),
  recipient_delimiter: str('', 'Characters of which the first found parts user and extension: user+news.'),
  owner_request_special: bool('yes', 'owner-list and list-request are never cut at a hyphen.'),
  expand_owner_alias: bool(
    'no',
    'Mail to an alias with an owner- alias leaves with what that expands to as its sender, not with the owner- name.',
  ),
  propagate_unmatched_extensions: list(
    'canonical, virtual',
    'Lookups that carry an extension over that the table did not name: canonical, virtual, alias, forward, include, generic.',
    { values: ['canonical', 'virtual', 'alias', 'forward', 'include', 'generic'] },
  ),
  transport_maps: str('', 'Tables that choose transport and next hop by recipient: transport(5).'),
  relayhost: str('', 'The host that takes all mail for elsewhere.'),
  sender_dependent_relayhost_maps: str('', 'Tables that choose the relayhost by sender.'),
  sender_dependent_default_transport_maps: str('', 'Tables that choose the default transport by sender.'),
  empty_address_relayhost_maps_lookup_key: str(
    '<>',
    'What the null sender is called in sender_dependent_relayhost_maps.',
  ),
  empty_address_default_transport_maps_lookup_key: str(
    '<>',
    'What the null sender is called in sender_dependent_default_transport_maps.',
  ),
  local_transport: str('local:$myhostname', 'Transport of mydestination.'),
  virtual_transport: str('virtual', 'Transport of virtual_mailbox_domains.'),
  relay_transport: str('relay', 'Transport of relay_domains.'),
  default_transport: str('smtp', 'Transport of all other domains.'),
  ...probeRouteParams,
  canonical_maps: str('', 'Tables that rewrite addresses in envelopes and headers: canonical(5).'),
  sender_canonical_maps: str('', 'The same for senders; asked first.'),
  recipient_canonical_maps: str('', 'The same for recipients; asked first.'),
  canonical_classes: list(
    'envelope_sender, envelope_recipient, header_sender, header_recipient',
    'Which addresses canonical_maps rewrite.',
    { values: ADDRESSES },
  ),
  sender_canonical_classes: list('envelope_sender, header_sender', 'Which addresses sender_canonical_maps rewrite.', {
    values: ADDRESSES,
  }),
  recipient_canonical_classes: list(
    'envelope_recipient, header_recipient',
    'Which addresses recipient_canonical_maps rewrite.',
    { values: ADDRESSES },
  ),
  masquerade_domains: list('', 'Domains whose subdomains are cut off from addresses; ! before one spares it.'),
  masquerade_exceptions: str('', 'User names that are never masqueraded.'),
  masquerade_classes: list('envelope_sender, header_sender, header_recipient', 'Which addresses are masqueraded.', {
    values: ADDRESSES,
  }),
  append_at_myorigin: bool('yes', 'user becomes user@$myorigin.'),
  append_dot_mydomain: bool(
    '${{$compatibility_level} <level {1} ? {yes} : {no}}',
    'user@host becomes user@host.$mydomain.',
  ),
  swap_bangpath: bool('yes', 'site!user becomes user@site.'),
  allow_percent_hack: bool('yes', 'user%domain becomes user@domain.'),
  remote_header_rewrite_domain: str(
    '',
    'The domain that completes header addresses of mail from elsewhere; empty: its headers are left alone.',
  ),
  resolve_dequoted_address: bool(
    'yes',
    'Routing is looked for inside a quoted local part too, so that nobody relays through it.',
  ),
  allow_min_user: bool('no', 'Whether an address may begin with `-`, which programs would take for an option.'),
  resolve_null_domain: bool('no', 'user@ is a local address, not an error.'),
  resolve_numeric_domain: bool('no', 'user@192.0.2.1 is taken for user@[192.0.2.1], not for an error.'),
  empty_address_recipient: str('MAILER-DAEMON', 'Who gets mail addressed to the null address.'),
  double_bounce_sender: str('double-bounce', 'Sender of notices that must not bounce again.'),
  relocated_maps: str('', 'Tables of those who moved: relocated(5).'),
  parent_domain_matches_subdomains: list(
    'debug_peer_list,fast_flush_domains,mynetworks,permit_mx_backup_networks,qmqpd_authorized_clients,relay_domains,smtpd_access_maps',
    'Parameters where example.com also means its subdomains; elsewhere .example.com does.',
  ),
  sender_bcc_maps: str('', 'Tables of blind copies by sender.'),
  recipient_bcc_maps: str('', 'Tables of blind copies by recipient.'),
  show_user_unknown_table_name: bool('yes', 'Says in which table an unknown user was looked for.'),
  unknown_local_recipient_reject_code: int('550', 'Reply code for names that are not in local_recipient_maps.', {
    min: 0,
  }),
  unknown_virtual_alias_reject_code: int('550', 'Reply code for addresses that are not in virtual_alias_maps.', {
    min: 0,
  }),
  unknown_virtual_mailbox_reject_code: int('550', 'Reply code for addresses that are not in virtual_mailbox_maps.', {
    min: 0,
  }),
  unknown_relay_recipient_reject_code: int('550', 'Reply code for addresses that are not in relay_recipient_maps.', {
    min: 0,
  }),
  mailbox_command: raw('', 'The command that delivers to system users.'),
  mailbox_command_maps: str('', 'Tables of such commands by user.'),
  mailbox_transport: str('', 'The transport that delivers to all local names, users of the system or not.'),
  mailbox_transport_maps: str('', 'Tables of such transports by name.'),
  fallback_transport: str('', 'The transport for local names that nobody knows.'),
  fallback_transport_maps: str('', 'Tables of such transports by name.'),
  home_mailbox: str(
    '',
    'A file or, ending in /, a Maildir in the home directory of system users that takes their mail.',
  ),
  mail_spool_directory: str(
    '/var/mail',
    'Where main.cf sets it: the directory with an mbox (ending in /: a Maildir) for each system user. Otherwise their mail is in the store.',
  ),
  mail_spool_copy: bool(
    'no',
    'Whether mail for system users that goes into the store is also appended to their mbox in mail_spool_directory.',
  ),
  reset_owner_alias: bool(
    'no',
    'Mail to an alias without an owner- alias inside a list is not sent in the name of that list.',
  ),
  frozen_delivered_to: bool('yes', 'Delivered-To names the address before aliases, not the last one of them.'),
  duplicate_filter_limit: int(
    '1000',
    'How many addresses are remembered so that none gets mail twice; 0 is no limit.',
    {
      min: 0,
    },
  ),
  luser_relay: raw('', 'Where mail for unknown local names goes; $user, $extension and the like are filled in.'),
  allow_mail_to_commands: list('alias, forward', 'Where |command may stand: alias, forward, include.', {
    values: PLACES,
  }),
  allow_mail_to_files: list('alias, forward', 'Where /file/name may stand: alias, forward, include.', {
    values: PLACES,
  }),
})
