/** Parameters of TLS for those who connect to us, with Postfix 3.10's names and defaults; IMAP and POP3 hold to them too. */
import { bool, defineParams, list, str, time } from '../../io/config/mod.ts'

export const tlsParams = defineParams({
  smtpd_tls_cert_file: str('', 'PEM file with the certificate and those above it.'),
  smtpd_tls_key_file: str('$smtpd_tls_cert_file', 'PEM file with the private key.'),
  smtpd_tls_eccert_file: str('', 'PEM file with a second certificate, for an ECDSA key.'),
  smtpd_tls_eckey_file: str('$smtpd_tls_eccert_file', 'PEM file with the ECDSA key.'),
  smtpd_tls_chain_files: list(
    '',
    'PEM files with keys, each followed by its certificates; where there are any, the files above are not read.',
  ),
  tls_server_sni_maps: str(
    '',
    'Tables of chain files, or of what is in them (postmap -F), by the server name that a client asks for, or `.domain`.',
  ),
  smtpd_tls_wrappermode: bool('no', 'Whether a service speaks TLS from the first octet on (port 465).'),
  smtpd_tls_protocols: list('>=TLSv1', 'TLS versions while TLS is optional: `>=TLSv1.2`, `!TLSv1`, or names.'),
  smtpd_tls_mandatory_protocols: list('>=TLSv1', 'TLS versions where TLS is required.'),
  smtpd_tls_ciphers: str('medium', 'The least cipher grade, high or medium, while TLS is optional.'),
  smtpd_tls_mandatory_ciphers: str('medium', 'The least cipher grade where TLS is required.'),
  smtpd_tls_exclude_ciphers: list('', 'OpenSSL names of ciphers that are never used.'),
  smtpd_tls_mandatory_exclude_ciphers: list('', 'More of them where TLS is required.'),
  tls_high_cipherlist: str('aNULL:-aNULL:HIGH:@STRENGTH', 'The OpenSSL cipher list of grade high.'),
  tls_medium_cipherlist: str(
    'aNULL:-aNULL:HIGH:MEDIUM:+RC4:@STRENGTH',
    'The OpenSSL cipher list of grade medium, and of low and export, which are gone.',
  ),
  tls_preempt_cipherlist: bool('no', 'Whether the server’s order of ciphers counts, not the client’s.'),
  tls_eecdh_auto_curves: list(
    'X25519 X448 prime256v1 secp521r1 secp384r1',
    'Groups of the elliptic curve exchange, in order; those that OpenSSL does not know are passed over.',
  ),
  tls_ffdhe_auto_groups: list('ffdhe2048 ffdhe3072', 'Groups of the finite field exchange in TLS 1.3.'),
  smtpd_tls_dh1024_param_file: str(
    '',
    'PEM file with Diffie-Hellman parameters for TLS 1.2; empty or `auto`: OpenSSL’s; `none`: no such exchange.',
  ),
  smtpd_tls_session_cache_timeout: time(
    '3600s',
    'How long a client may go on with a TLS session of before, on any thread; the key that seals them is replaced as often. Less than 2 minutes is 2 minutes, more than 100 days 100 days; 0: full handshakes only.',
  ),
  tls_ssl_options: list('', 'OpenSSL options that are switched on, by their names without SSL_OP_, or as 0x….'),
  tls_disable_workarounds: list(
    '',
    'OpenSSL workarounds for other programs’ faults that are switched off, named likewise.',
  ),
  smtpd_tls_ask_ccert: bool('no', 'Whether clients are asked for a certificate.'),
  smtpd_tls_CAfile: str('', 'PEM file of the authorities that vouch for clients.'),
  smtpd_tls_CApath: str('', 'Directory of such files, by the names that c_rehash gives them.'),
  tls_append_default_CA: bool('no', 'Whether the system’s authorities vouch for clients too.'),
  smtpd_tls_fingerprint_digest: str(
    '${{$compatibility_level} <level {3.6} ? {md5} : {sha256}}',
    'The hash of client certificates in relay_clientcerts and check_ccert_access.',
  ),
})
