/**
 * Accounts: domains, users, credentials, quotas, and who may log in as whom.
 * In: names as clients and operators write them. Out: accounts, and what SASL mechanisms compare.
 * On disk: tables `domain`, `account`, `credential`, `account_generation`; `credential.key` beside the database.
 * Caches follow other threads and processes within milliseconds (lookups.ts); passwords are sealed (seal.ts, verifiers.ts).
 * Settings: params.ts; Cyrus SASL's smtpd.conf (smtpd-conf.ts). Standards: RFC 4616, RFC 5802 §3, RFC 2831, RFC 2195.
 */
export { type ForeignPassword, readForeign } from './foreign/schemes.ts'
export type {
  Account,
  AccountFault,
  AccountId,
  AccountQuota,
  Accounts,
  AddOptions,
  AppPassword,
  Credential,
  ForeignHash,
  NewAppPassword,
  Scope,
} from './contract.ts'
export { SCOPES, scopesOf } from './scopes.ts'
export { otpauthUri } from './totp.ts'
export type { AccountsOptions } from './accounts.ts'
export { saslChannel } from './channel.ts'
export { checkCredentials } from './check.ts'
export { ClientCertificates } from './client-certificates.ts'
export { Directories } from './directories.ts'
export { DovecotAuth } from './dovecot-auth.ts'
export { AccountError } from './errors.ts'
export { accountKey, KEY_FILE, openAccounts, verifierFamilies } from './open.ts'
export { accountName } from './names.ts'
export { loginParams } from './login-params.ts'
export { accountsParams, type AccountsSettings } from './params.ts'
export { PasswordMaps } from './password-maps.ts'
export { availableMechanisms, createSaslBackend, type SaslBackendOptions } from './sasl-backend.ts'
export { accountsSchema } from './schema.ts'
export { parseSaslConf, readSaslConf, saslSearchPath, type PasswordSource, type SaslConf } from './smtpd-conf.ts'
export { FAMILIES, type Family } from './verifiers.ts'
export { accountsTable } from './table.ts'
export { TokenChecker } from './tokens/checker.ts'
export { tokenSettings, type TokenSettings } from './tokens/settings.ts'
