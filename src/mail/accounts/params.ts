/** Parameters of accounts. Postfix has none of these; names are in its manner. */
import { loginParams } from './login-params.ts'
import { defineParams, list, str, type Settings } from '../../io/config/mod.ts'

export const accountsParams = defineParams({
  ...loginParams,
  password_verifiers: list(
    'scram-sha-256, scram-sha-1, digest-md5, cram-md5',
    'What is kept of a password when it is set: one verifier for each family of mechanisms that accounts shall be able ' +
      'to log in with, and argon2id for plain passwords. A mechanism is offered while every account has its verifier. ' +
      'apop keeps the password itself, sealed under a key that lies beside the database, for APOP of POP3. ' +
      'With argon2id alone only PLAIN and LOGIN are offered, and a stolen database and key are costly to search.',
  ),
  password_maps: list(
    '',
    'Lookup tables from a log-in name to its password as another server keeps it ({SCHEME}text as in Dovecot), asked ' +
      'in place after the accounts: sasldb2:/etc/sasldb2, passwd-file:/etc/dovecot/users, texthash:…, pgsql:… While ' +
      'there are any, PLAIN and LOGIN alone are offered. Who has no account may send mail, and has no mailbox.',
  ),
  password_default_scheme: str('CRYPT', "Dovecot's scheme of results of password_maps that name none."),
})

export type AccountsSettings = Settings<typeof accountsParams>
