/** Parameters of ACME: certificates from an authority that checks names by itself. RFC 8555. */
import { bool, choice, defineParams, list, str } from '../../io/config/mod.ts'

export const acmeParams = defineParams({
  acme_directory: str(
    '',
    'The URL of an ACME authority’s directory; with `acme_agree_to_terms = yes` all services show its certificate, which is renewed by itself.',
  ),
  acme_agree_to_terms: bool('no', 'Whether the terms of the authority that acme_directory names are agreed to.'),
  acme_domains: list('$myhostname', 'The names in the certificate.'),
  acme_contact: list('', 'Mail addresses that the authority may write to about the certificate.'),
  acme_challenge: choice(
    ['http-01', 'tls-alpn-01'],
    'http-01',
    'How the authority sees that the names are ours: over HTTP on their port 80, or over TLS on their port 443.',
  ),
  acme_http_listen: str(
    ':80',
    '`host:port` or `:port` where a challenge over HTTP is answered; open only while there is one.',
  ),
  acme_tls_listen: str(':443', 'The same for a challenge over TLS.'),
  acme_challenge_directory: str(
    '',
    'The root directory of a web server that has port 80: challenges are left there, and acme_http_listen is not used.',
  ),
  acme_ca_file: str('', 'PEM file of who vouches for the authority’s own server; empty: the system’s authorities.'),
  acme_external_account_file: str(
    '',
    'A file with the key id and the key (base64url) of an account that the authority knows, where it asks for one.',
  ),
})
