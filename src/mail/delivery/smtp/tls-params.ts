/** Parameters of the client's own certificates, of trust anchors, and of TLS by site and by DNS. */
import { bool, defineParams, list, str } from '../../../io/config/mod.ts'

export const clientTlsParams = defineParams({
  smtp_tls_cert_file: str('', 'PEM file with the certificate that is shown to servers that ask for one.'),
  smtp_tls_key_file: str('$smtp_tls_cert_file', 'PEM file with its private key.'),
  smtp_tls_eccert_file: str('', 'PEM file with a second certificate, for an ECDSA key.'),
  smtp_tls_eckey_file: str('$smtp_tls_eccert_file', 'PEM file with the ECDSA key.'),
  smtp_tls_chain_files: list(
    '',
    'PEM files with keys, each followed by its certificates; where there are any, the files above are not read.',
  ),
  smtp_tls_trust_anchor_file: list(
    '',
    'PEM files with certificates and public keys that alone vouch for servers at levels verify and secure.',
  ),
  smtp_tls_per_site: str(
    '',
    'The old form of smtp_tls_policy_maps: tables of NONE, MAY, MUST, MUST_NOPEERMATCH by next hop and by server name; not read where there is the new form.',
  ),
  smtp_tls_block_early_mail_reply: bool(
    'no',
    'Whether mail waits where a server answers under TLS before it was asked (CVE-2009-3555).',
  ),
  tls_required_enable: bool(
    'yes',
    'Whether a message with the header field `TLS-Required: no` goes out at level may at the most, and reports of it bear the field.',
  ),
  smtp_tls_enforce_sts_mx_patterns: bool(
    'yes',
    'Whether a policy of MTA-STS (`policy_type=sts` with `mx_host_pattern=…`) lets mail go to no other servers, and their certificates are compared with their own names.',
  ),
  smtp_tlsrpt_enable: bool(
    'no',
    'Whether it is counted by day and domain how TLS to its servers goes, for reports (RFC 8460): `postigo tls-report`.',
  ),
  smtp_tlsrpt_skip_reused_handshakes: bool(
    'no',
    'Whether handshakes that go on with a session of before are not counted.',
  ),
  mta_sts_enable: bool(
    'no',
    'Whether mail at levels may, encrypt and dane (without TLSA records) goes by the policies of MTA-STS that domains publish: in mode enforce only to their servers, at level secure. Not for LMTP, nor where smtp_tls_policy_maps lists the domain.',
  ),
  tls_wildcard_matches_multiple_labels: bool(
    'yes',
    'Whether `*.example.com` in a certificate also stands for `a.b.example.com`.',
  ),
})
