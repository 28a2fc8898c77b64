/**
 * What other rooms see of accounts: who has a mailbox here, and what proves who they are.
 */
import type { ScramHash, ScramKeys } from '../../formats/sasl/mod.ts'
import type { AppPasswords } from './app-passwords.ts'
import type { ForeignHash } from './foreign/schemes.ts'
import type { SaidPassword, SecondFactors } from './second-factors.ts'

export type AccountId = number
export type { ForeignHash } from './foreign/schemes.ts'

export interface Account {
  readonly id: AccountId
  /** Local part, case-folded. */
  readonly localPart: string
  /** `''` for an account of this host (an INBOX for every domain of mydestination), else the hosted domain. */
  readonly domain: string
  /** SASL realm: the domain, or the default realm for an account of this host. */
  readonly realm: string
  readonly disabled: boolean
  /** Octets it may store; 0 is no limit of its own. */
  readonly quotaOctets: number
  /** The most messages and mailboxes of it; 0 the same. */
  readonly quotaMessages: number
  readonly quotaMailboxes: number
}

/** What an account may have by its own setting; 0: what holds for all. */
export type AccountQuota = Pick<Account, 'quotaOctets' | 'quotaMessages' | 'quotaMailboxes'>

/**
 * What is kept instead of a password: one verifier a mechanism family. Never logged, never sent. A name that is
 * unknown or disabled has one too, with secrets that nobody has, the same each time: only `account` tells.
 */
export interface Credential {
  readonly account: Account | undefined
  /** The application password that the name names. */
  readonly appPassword: AppPassword | undefined
  /** RFC 5802 §3: salt, iterations, StoredKey, ServerKey. */
  scram(hash: ScramHash): ScramKeys
  /** RFC 2831 H(user:realm:password) for the user name exactly as the client sent it, in each encoding; never empty. */
  digestMd5(username: string, realm: string): readonly Buffer[]
  /** RFC 2195 keyed MD5 from the precomputed inner and outer state, for each encoding of the password; never empty. */
  cramMd5(challenge: Buffer): readonly Buffer[]
  /** RFC 1939 §7: MD5 of the timestamp and the password, 16 octets. */
  apop(timestamp: string): Buffer
  /** Compares a plain password with the account’s own, off this thread; one found right is remembered some minutes. */
  verify(password: string): Promise<boolean>
}

/** The services that an application password opens. */
export type Scope = 'smtp' | 'imap' | 'pop3'

export interface AppPassword {
  readonly id: number
  /** Of its own in the account. */
  readonly name: string
  readonly scopes: readonly Scope[]
  readonly createdMs: number
  readonly expiresMs: number | undefined
  /** To the hour; undefined: never. */
  readonly usedMs: number | undefined
}

export type NewAppPassword = Pick<AppPassword, 'name' | 'scopes' | 'expiresMs'>

/** Whom a plain password that is an application password proves. */
export interface AppLogin {
  readonly account: Account
  readonly password: AppPassword
}

export interface Accounts {
  /** The SASL realm of accounts of this host (`smtpd_sasl_local_domain`, else myhostname), in lower case. */
  readonly defaultRealm: string
  /**
   * The account that a log-in name means: `user`, `user@realm`, `user@domain` in any case. Never throws for odd names.
   * Unknown and disabled names answer undefined.
   */
  byLogin(name: string, realm?: string): Account | undefined
  /**
   * What proves a log-in name; `user+name` names an application password, which opens `scope` alone. Throws
   * AccountError('wrong-key') for a credential that this key did not seal.
   */
  credential(name: string, realm?: string, scope?: Scope): Credential
  /** Whose application password this is, for a log-in to `scope`; `user+name` leaves that one alone. Throws as `credential`. */
  byAppPassword(name: string, password: string, scope: Scope): AppLogin | undefined
  /** What a plain log-in said, with the code of a second factor taken off where the account has one. Throws as `credential`. */
  takeApart(name: string, said: string): SaidPassword
  /** The account that `name` logs in as: `byLogin`, or `user+name` with an application password of that name. */
  loginOwner(name: string): Account | undefined
  /** The names that the account logs in with: its own, and with each domain that is known to be of this host. */
  loginNames(account: Account): readonly string[]
  readonly appPasswords: Pick<AppPasswords, 'add' | 'list' | 'remove' | 'holds'>
  readonly secondFactors: Pick<SecondFactors, 'isOn' | 'enable' | 'disable' | 'recoveryCodesLeft'>
  /** Raised by every change to accounts and passwords. */
  readonly generation: number
  /** By password. A mechanism may be advertised only if every account that could use it can (ARCHITECTURE §8). */
  mechanisms(): ReadonlySet<string>
  /** Whether every account can log in by APOP. */
  readonly knowsApop: boolean
  /** The account that mail for `localPart`@`domain` is for; `domain` is `''` for any domain of mydestination. Disabled ones too. */
  recipient(localPart: string, domain: string): Account | undefined
  /** Whether `domain` was made ours by `postigo domain add`. */
  hostsDomain(domain: string): boolean
  byId(id: AccountId): Account | undefined

  list(): readonly Account[]
  /** Those of `list()` that have a password. */
  withPassword(): readonly Account[]
  domains(): readonly string[]
  /**
   * The account that an address names for the operator: as `byLogin`, but disabled ones too. An address without
   * `@` or in a domain of mydestination is an account of this host.
   */
  find(address: string): Account | undefined
  /** Where an address would have its account: folded, `domain` `''` for this host. Throws AccountError('bad-address'). */
  place(address: string): { readonly localPart: string; readonly domain: string }
  /**
   * Creates the account without its mailboxes; the store provisions those. Throws AccountError: `exists`,
   * `bad-address`, `bad-password`, or `no-such-domain` unless `realmOnly`, with which a domain that is not hosted is
   * a realm to log in under and gets no mail.
   */
  add(localPart: string, domain: string, password: string | ForeignHash, options?: AddOptions): Promise<Account>
  /**
   * The account of this host by that name; made without a password where there is none: a system user has a mailbox
   * without further steps. Throws AccountError('bad-address').
   */
  ofSystemUser(name: string): Promise<Account>
  /** A hash that another server made is replaced by verifiers of our own when the password is heard, at a plain log-in. */
  setPassword(account: AccountId, password: string | ForeignHash): Promise<void>
  /** The account and its mail stay; nobody can log in as it until it has a password again. */
  removePassword(account: AccountId): Promise<void>
  setDisabled(account: AccountId, disabled: boolean): Promise<void>
  /** What URLs of a mailbox are authorised with (RFC 4467): of no use to one who has its key, but not the key beside the database. */
  urlKey(account: AccountId, mailboxKey: Buffer): Buffer
  /** What is not named stays. */
  setQuota(account: AccountId, quota: Partial<AccountQuota>): Promise<void>
  remove(account: AccountId): Promise<void>
  addDomain(domain: string): Promise<void>
  removeDomain(domain: string): Promise<void>
}

export interface AddOptions {
  readonly quotaOctets?: number
  readonly realmOnly?: boolean
}

export type AccountFault =
  | 'exists'
  | 'no-such-account'
  | 'no-such-domain'
  | 'domain-in-use'
  | 'local-domain'
  | 'bad-address'
  | 'bad-password'
  | 'wrong-key'
