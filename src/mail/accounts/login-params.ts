/** Parameters of log-ins that others vouch for: a directory, a client's certificate, an issuer of tokens. */
import { bool, defineParams, list, str, time } from '../../io/config/mod.ts'

export const loginParams = defineParams({
  ldap_passwords: list(
    '',
    'Files that describe directories (ldap_table(5), and user_dn) which check passwords by a bind as the user, asked after ' +
      'password_maps. While there are any, PLAIN and LOGIN alone are offered. Who has no account may send mail.',
  ),
  login_clientcerts: list(
    '',
    'Lookup tables from the fingerprint of a client certificate, or of its key, to the name that it logs in as (EXTERNAL). ' +
      'Fingerprints are as in relay_clientcerts; smtpd_tls_ask_ccert = yes asks clients for certificates.',
  ),
  login_clientcert_addresses: bool(
    'no',
    'Whether a certificate that an authority of smtpd_tls_CAfile or smtpd_tls_CApath vouches for logs in as the account ' +
      'whose address it names (rfc822Name of subjectAltName). It is worth what those authorities check.',
  ),
  oauth_issuer: str(
    '',
    'The OpenID issuer whose tokens log in (OAUTHBEARER, XOAUTH2): its URL, exactly as its discovery document says it.',
  ),
  oauth_audience: list('', 'Whom tokens must be meant for: one of these stands in aud. Needed with oauth_issuer.'),
  oauth_scope: list('', 'Scopes that a token must have, all of them.'),
  oauth_account_claim: str(
    'email',
    'The claim of a token that names the account. An email that the issuer says is not verified names nobody.',
  ),
  oauth_client_id: str('', 'The name under which the issuer is asked about tokens that are not JWTs (RFC 7662).'),
  oauth_client_secret_file: str('', 'A file with the secret for oauth_client_id; mode 600, of mail_owner.'),
  oauth_ca_file: str('', 'PEM of the authorities that vouch for the issuer’s server; empty: those of the system.'),
  oauth_timeout: time('10s', 'How long an answer of the issuer may take.', { min: 1 }),
})
