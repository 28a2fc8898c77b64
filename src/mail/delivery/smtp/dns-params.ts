/** Parameters of how the client asks DNS: whether, with what trust, through which filter; SRV records; DANE. */
import { bool, choice, defineParams, list, str } from '../../../io/config/mod.ts'

export const clientDnsParams = defineParams({
  disable_dns_lookups: bool('no', 'The old form of smtp_dns_support_level = disabled.'),
  smtp_dns_support_level: choice(
    ['', 'disabled', 'enabled', 'dnssec'],
    '',
    'disabled (no MX; addresses by the hosts file, then DNS), enabled, or dnssec: what DNSSEC says of answers counts.',
  ),
  smtp_dns_resolver_options: list(
    '',
    'res_defnames: the first search domain of resolv.conf is put behind host names without dots; res_dnsrch: all of them, behind any.',
  ),
  smtp_dns_reply_filter: str(
    '',
    'Tables that records of DNS are looked up in, as `name ttl IN type value`; the result IGNORE drops a record.',
  ),
  dnssec_probe: str(
    'ns:.',
    'The question, type:name, that is asked once where no answer was secure: whether DNSSEC is there at all; empty: none.',
  ),
  use_srv_lookup: list(
    '',
    'Services, as smtp_tcp_port or a next hop names them, whose servers are found by SRV records.',
  ),
  allow_srv_lookup_fallback: bool('no', 'Whether MX or address records are asked for where there is no SRV record.'),
  ignore_srv_lookup_error: bool('no', 'Whether they are where SRV records cannot be asked for.'),
  tls_dane_digests: list('sha512 sha256', 'Hashes of TLSA records, the best first; `name=number` for further ones.'),
  smtp_tls_dane_insecure_mx_policy: choice(
    ['dane', 'encrypt', 'may'],
    '${{$smtp_tls_security_level} == {dane} ? {dane} : {may}}',
    'What TLSA records of a server are good for that was found by MX records without DNSSEC.',
  ),
  smtp_tls_force_insecure_host_tlsa_lookup: bool(
    'no',
    'Whether TLSA records are asked for although the addresses of the server are not secure.',
  ),
  best_mx_transport: str(
    '',
    'The transport, or transport:nexthop, of mail for domains whose best MX is this host; without it such mail bounces.',
  ),
})
