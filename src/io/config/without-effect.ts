/**
 * Parameters of Postfix that are known and change nothing here, each with the reason; and names that are old, removed,
 * or on their way out, with their successors.
 */

type Names = string | RegExp

const PROCESSES = 'Postigo is one program: it has none of the processes, sockets and waits that this is about'
const PATHS = "this names files of Postfix's own programs and manuals"
const QUEUE_FILES = 'mail waits in a database and a log, not in queue files'
const SCHEDULER = "the queue's scheduler does not preempt: no message is held back by a larger one in front of it"
const INDEXES = 'tables have an index of Postigo’s own, read whole; there is nothing to size'
const CACHES = "this names a cache of Postfix's own, which is left alone"
const NO_QUEUE = 'a client that has passed is spoken with at once: nobody waits for a server process'
const RESOLVER = 'the resolver here keeps answers as long as the answers themselves say'
const TLS_PROXY = 'TLS is spoken where the connection is: there is no tlsproxy'
const OLD_TLS = 'OpenSSL 3 no longer has this, and Node speaks TLS by it'
const TLS_STORE = 'keys for sessions and random numbers are Node’s'
const TLS_DETAILS = 'Node does not offer this part of OpenSSL; what it does instead is at least as strict'
const RAW_KEYS = 'Node offers no raw public keys: certificates are used, as with a peer that has no such keys'
const TLS_END = 'Node does not wait for the other side to end TLS before it closes a connection'
const ETRN = 'ETRN looks into the queue itself: there are no lists of destinations to refresh or purge'
const LOG = 'the log goes to standard output, the journal or maillog_file, which the server opens as its own user'
const DEBUGGING = 'this is about debugging Postfix'
const HELP = '`postigo check` says what is wrong with a configuration, whenever it is asked'
const INSTANCES = 'a configuration directory is a server: start one for each'
const SASL_PATH = 'cyrus, the only client of SASL that Postfix has, does not read it'
const QMQP = 'QMQP is not spoken'

const REASONS: readonly (readonly [reason: string, names: readonly Names[]])[] = [
  [
    PROCESSES,
    [
      /^(bounce|cleanup|connection_cache|defer|dnsblog|error|flush|pickup|postlog|proxymap|proxywrite|queue|rewrite|showq|smtpd|tlsmgr|tlsproxy|trace|address_verify)_service_name$/,
      /^ipc_(idle|timeout|ttl)$/,
      /^fork_(attempts|delay)$/,
      /^(max_idle|max_use|daemon_timeout|service_throttle_time|application_event_drain_time|trigger_timeout)$/,
      /^(process_id|process_id_directory|process_name|service_name|opportunistic_encryption)$/,
      /^qmgr_(daemon_timeout|ipc_timeout)$/,
      /^(anvil_status_update_time|connection_cache_status_update_time|connection_cache_protocol_timeout)$/,
      /^(transport_retry_time|postlogd_watchdog_timeout|postscreen_watchdog_timeout|daemon_table_open_error_is_fatal|debugger_command)$/,
      /^(alternate_config_directories|import_environment|tcp_windowsize|known_tcp_ports)$/,
    ],
  ],
  [
    PATHS,
    [
      /^(command|daemon|html|meta|readme|sample|shlib|manpage)_directory$/,
      /^(mailq|newaliases|sendmail|openssl)_path$/,
      'setgid_group',
    ],
  ],
  [
    QUEUE_FILES,
    [
      /^hash_queue_(depth|names)$/,
      /^(queue_file_attribute_count_limit|in_flow_delay|dont_remove|fault_injection_code)$/,
      /^qmgr_message_(active_limit|recipient_limit|recipient_minimum)$/,
      /^(backwards_bounce_logfile_compatibility|enable_long_queue_ids|qmgr_clog_warn_time)$/,
    ],
  ],
  [
    SCHEDULER,
    [
      /_(delivery_slot_(cost|discount|loan)|minimum_delivery_slots|extra_recipient_limit|recipient_refill_(delay|limit))$/,
      /^(default|\w+)_recipient_limit$/,
      'qmgr_fudge_factor',
    ],
  ],
  [INDEXES, [/^berkeley_db_/, 'lmdb_map_size', /^proxy_(read|write)_maps$/]],
  [
    CACHES,
    [
      'address_verify_map',
      'address_verify_cache_cleanup_interval',
      'smtpd_tls_session_cache_database',
      /_sasl_auth_cache_(name|time)$/,
    ],
  ],
  [TLS_STORE, [/^tls_(daemon_)?random_/, 'tls_session_ticket_cipher', 'smtpd_tls_always_issue_session_ids']],
  [NO_QUEUE, ['postscreen_post_queue_limit']],
  [RESOLVER, ['dns_ncache_ttl_fix_enable']],
  [TLS_PROXY, [/^tlsproxy_/]],
  [
    OLD_TLS,
    [
      /_tls_(dcert|dkey|dh512_param)_file$/,
      /^tls_(export|null|low)_cipherlist$/,
      'smtpd_tls_eecdh_grade',
      /^tls_eecdh_(strong|ultra)_curve$/,
      'tls_legacy_public_key_fingerprints',
    ],
  ],
  [TLS_DETAILS, ['tls_config_file', 'tls_config_name']],
  [RAW_KEYS, [/_tls_enable_rpk$/]],
  [TLS_END, ['tls_fast_shutdown_enable']],
  [ETRN, ['fast_flush_purge_time', 'fast_flush_refresh_time']],
  [LOG, ['syslog_facility', 'maillog_file_prefixes']],
  [HELP, ['helpful_warnings']],
  [INSTANCES, [/^multi_instance_/, /^postmulti_/]],
  [QMQP, [/^qmqpd_/]],
  ['Sun’s mailtool is gone, and with it the locks that it needed', ['sun_mailtool_compatibility']],
  [SASL_PATH, [/^(smtp|lmtp)_sasl_path$/]],
  [DEBUGGING, ['debug_peer_level', 'debug_peer_list', 'dnsblog_reply_delay', 'destination_concurrency_feedback_debug']],
]

/** Reasons that nobody needs to hear of: what is meant is there, made otherwise. */
const PLUMBING: readonly string[] = [PROCESSES, PATHS, QUEUE_FILES, INDEXES, TLS_STORE, DEBUGGING]

/** Whether a parameter is without effect in a way that changes nothing for anyone. */
export function isPlumbing(name: string): boolean {
  return PLUMBING.includes(withoutEffect(name) ?? '')
}

/** Why a parameter changes nothing here; undefined where it is not one of those. */
export function withoutEffect(name: string): string | undefined {
  const matches = (n: Names): boolean => (typeof n === 'string' ? n === name : n.test(name))
  return REASONS.find(([, names]) => names.some(matches))?.[0]
}

/** Names that older releases had, and what stands for them today; `''` where nothing does. */
const OLD_NAMES: Readonly<Record<string, string>> = {
  // Postfix 1.x
  virtual_maps: 'virtual_alias_maps',
  fallback_relay: 'smtp_fallback_relay',
  authorized_verp_clients: 'smtpd_authorized_verp_clients',
  program_directory: 'daemon_directory',
  sender_based_routing: 'sender_dependent_relayhost_maps',
  lmtp_cache_connection: 'lmtp_connection_cache_on_demand',
  extract_recipient_limit: '',
  enable_errors_to: '',
  smtp_skip_4xx_greeting: '',
  qmgr_site_hog_factor: '',
  // 2.x and 3.x
  smtpd_client_connection_limit_exceptions: 'smtpd_client_event_limit_exceptions',
  smtpd_sasl_application_name: 'smtpd_sasl_path',
  smtp_tls_cipherlist: 'smtp_tls_mandatory_ciphers',
  smtpd_tls_cipherlist: 'smtpd_tls_mandatory_ciphers',
  smtp_per_record_deadline: 'smtp_per_request_deadline',
  lmtp_per_record_deadline: 'lmtp_per_request_deadline',
  smtpd_per_record_deadline: 'smtpd_per_request_deadline',
  postscreen_blacklist_action: 'postscreen_denylist_action',
  postscreen_whitelist_interfaces: 'postscreen_allowlist_interfaces',
  postscreen_dnsbl_whitelist_threshold: 'postscreen_dnsbl_allowlist_threshold',
  postscreen_dnsbl_ttl: 'postscreen_dnsbl_max_ttl',
  tlsproxy_client_level: 'tlsproxy_client_security_level',
  tlsproxy_client_policy: 'tlsproxy_client_policy_maps',
  tlsproxy_tls_session_cache_timeout: '',
  tls_dane_digest_agility: '',
  tls_dane_trust_anchor_digest_enable: '',
}

/** An old name's successor; undefined where the name is not old. */
export function oldNameSuccessor(name: string): string | undefined {
  return Object.hasOwn(OLD_NAMES, name) ? OLD_NAMES[name] : undefined
}

/** Postfix 3.9 and later: these still work, and "will be removed; instead, specify …". DEPRECATION_README. */
const DEPRECATED: readonly (readonly [RegExp, string])[] = [
  [/^disable_dns_lookups$/, 'smtp_dns_support_level'],
  [/^(lmtp|smtp|smtpd|postscreen)_(?:use|enforce)_tls$/, '$1_tls_security_level'],
  [/^tlsproxy_(?:use|enforce)_tls$/, 'tlsproxy_tls_security_level'],
  [/^tlsproxy_client_(?:use|enforce)_tls$/, 'tlsproxy_client_security_level'],
  [/^(lmtp|smtp)_tls_(?:per_site|enforce_peername)$/, '$1_tls_policy_maps'],
  [/^tlsproxy_client_per_site$/, 'tlsproxy_client_policy_maps'],
  [/^smtpd_tls_(?:dh1024_param_file|eecdh_grade)$/, ''],
]

/** What to write instead of a parameter that will be removed; `''`: nothing; undefined: it will stay. */
export function deprecatedSuccessor(name: string): string | undefined {
  for (const [pattern, successor] of DEPRECATED) if (pattern.test(name)) return name.replace(pattern, successor)
  return undefined
}
