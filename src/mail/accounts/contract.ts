/**
 * What other rooms see of accounts: who has a mailbox here, and what proves who they are.
 */
export type AccountId = number

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
}

/** What is kept instead of a password: one verifier a mechanism family. Never logged, never sent. */
export interface Credential {
  readonly account: Account
  /** RFC 5803 / RFC 5802 §3: salt, iterations, StoredKey, ServerKey. */
  scram(
    hash: 'sha-1' | 'sha-256',
  ): { salt: Buffer; iterations: number; storedKey: Buffer; serverKey: Buffer } | undefined
  /** RFC 2831 H(user:realm:password) for the user name exactly as the client sent it. */
  digestMd5(username: string, realm: string): Buffer | undefined
  /** RFC 2195 keyed MD5 with the precomputed inner and outer state. */
  cramMd5(challenge: Buffer): Buffer | undefined
  /** Compares a plain password with the verifier; constant time. */
  verify(password: string): Promise<boolean>
}

export interface Accounts {
  /**
   * The account that a log-in name means: `user`, `user@realm`, `user@domain`. Never throws for odd names.
   * Unknown and disabled names answer undefined, after the same work.
   */
  byLogin(name: string, realm?: string): Account | undefined
  credential(name: string, realm?: string): Credential | undefined
  /** A mechanism may be advertised only if every account that could use it can (ARCHITECTURE §8). */
  mechanisms(): ReadonlySet<string>
  /** The account that mail for `localPart`@`domain` is for; `domain` is `''` for any domain of mydestination. */
  recipient(localPart: string, domain: string): Account | undefined
  /** Whether `domain` was made ours by `postigo domain add`. */
  hostsDomain(domain: string): boolean
  byId(id: AccountId): Account | undefined

  list(): readonly Account[]
  domains(): readonly string[]
  /** Throws AccountError('exists' …). Creates the account without its mailboxes; the store provisions those. */
  add(localPart: string, domain: string, password: string, options?: { quotaOctets?: number }): Promise<Account>
  setPassword(account: AccountId, password: string): Promise<void>
  setDisabled(account: AccountId, disabled: boolean): Promise<void>
  remove(account: AccountId): Promise<void>
  addDomain(domain: string): Promise<void>
  removeDomain(domain: string): Promise<void>
}
