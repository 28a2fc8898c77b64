/** Accounts over the database; one object a thread. */
import type { Clock } from '../../base/mod.ts'
import { mechanismsBy } from '../../formats/sasl/mod.ts'
import type { Db, Tx } from '../../io/db/mod.ts'
import { AppPasswords, NAME_SEPARATOR } from './app-passwords.ts'
import type { Account, AccountId, AccountQuota, Accounts, AddOptions, AppLogin, Credential, Scope } from './contract.ts'
import { StoredCredential } from './credential.ts'
import { AccountError } from './errors.ts'
import { LoginNames, type Place } from './login-names.ts'
import { Lookups } from './lookups.ts'
import { checkDomain, checkLocalPart, foldDomain, foldLocalPart, printable, splitAddress } from './names.ts'
import { RememberedPasswords } from './remembered.ts'
import { Seal } from './seal.ts'
import { type SaidPassword, SecondFactors } from './second-factors.ts'
import type { ForeignHash } from './foreign/schemes.ts'
import { decoyVerifiers, FOREIGN_FAMILY, makeVerifiers, type Family, type Verifiers } from './verifiers.ts'
import { printVerifiers } from './verifiers-text.ts'

export interface AccountsOptions {
  readonly db: Db
  /** From `accountKey`. */
  readonly key: Buffer
  /** `smtpd_sasl_local_domain`, else myhostname. */
  readonly defaultRealm: string
  /** Whether mail for the domain (lower case) is for accounts of this host: mydestination. */
  readonly isLocalDomain: (domain: string) => boolean
  /**
   * Names in mydestination that can be told beforehand: DIGEST-MD5 hashes the name as typed, so that it can answer
   * `user@domain` only for domains known when the password is set. The first 16 count (login-names.ts).
   */
  readonly localDomains?: readonly string[]
  /** `password_verifiers`. */
  readonly families: readonly Family[]
  readonly clock: Clock
}

/** A log-in name taken apart. */
interface Login {
  readonly account: Account
  /** The application password that it names. */
  readonly named: string | undefined
}

/** What a mechanism needs a verifier of. PLAIN and LOGIN go by any family that hashes a plain password. */
const NEEDS: Readonly<Record<string, Family>> = {
  'SCRAM-SHA-1': 'scram-sha-1',
  'SCRAM-SHA-256': 'scram-sha-256',
  'SCRAM-SHA-1-PLUS': 'scram-sha-1',
  'SCRAM-SHA-256-PLUS': 'scram-sha-256',
  'DIGEST-MD5': 'digest-md5',
  'CRAM-MD5': 'cram-md5',
}

export class StoredAccounts implements Accounts {
  readonly defaultRealm: string
  readonly #options: AccountsOptions
  readonly #seal: Seal
  readonly #lookups: Lookups
  readonly #names: LoginNames
  readonly #remembered: RememberedPasswords
  readonly appPasswords: AppPasswords
  readonly secondFactors: SecondFactors

  /** Throws AccountError('wrong-key') when the database's passwords were sealed under another key. */
  constructor(options: AccountsOptions) {
    this.#options = options
    this.defaultRealm = foldDomain(options.defaultRealm)
    this.#names = new LoginNames({ ...options, defaultRealm: this.defaultRealm })
    this.#seal = new Seal(options.key)
    this.#lookups = new Lookups(options.db, this.#seal, this.defaultRealm)
    this.#remembered = new RememberedPasswords(options.clock)
    const { db, clock, families } = options
    const common = {
      db,
      clock,
      families,
      seal: this.#seal,
      lookups: this.#lookups,
      change: <T>(work: (tx: Tx) => T) => this.#change(work),
    }
    this.appPasswords = new AppPasswords({ ...common, realm: this.defaultRealm, names: this.#names })
    this.secondFactors = new SecondFactors(common)
    const newest = options.db.read.sql('SELECT max(account) FROM credential').get()?.[0]
    if (typeof newest === 'number') this.#lookups.kept(newest)
  }

  byLogin(name: string, realm?: string): Account | undefined {
    const account = this.#named(name, realm)
    return account?.disabled ? undefined : account
  }

  get generation(): number {
    return this.#lookups.generation
  }

  loginNames(account: Account): readonly string[] {
    return this.#names.of(account)
  }

  loginOwner(name: string): Account | undefined {
    return this.#login(name)?.account
  }

  /** A name is an account's first; else what stands behind its last `+` may name an application password. */
  #login(name: string, realm?: string): Login | undefined {
    const account = this.byLogin(name, realm)
    if (account !== undefined) return { account, named: undefined }
    const { localPart, domain } = splitAddress(name)
    const at = localPart.lastIndexOf(NAME_SEPARATOR)
    if (at <= 0) return undefined
    const owner = this.byLogin(localPart.slice(0, at) + (domain === undefined ? '' : `@${domain}`), realm)
    const named = localPart.slice(at + 1).toLowerCase()
    const isThere = owner && this.#lookups.appPasswords(owner.id).some((one) => one.name === named)
    return isThere === true ? { account: owner, named } : undefined
  }

  byAppPassword(name: string, password: string, scope: Scope): AppLogin | undefined {
    const login = this.#login(name)
    const found = this.appPasswords.matching(login?.account.id, login?.named, password, scope)
    return login && found && { account: login.account, password: found }
  }

  takeApart(name: string, said: string): SaidPassword {
    return this.secondFactors.takeApart(this.byLogin(name)?.id, said)
  }

  credential(name: string, realm?: string, scope: Scope = 'smtp'): Credential {
    const login = this.#login(name, realm)
    const account = login?.account
    const appPassword =
      login?.named === undefined ? undefined : this.appPasswords.named(login.account.id, login.named, scope)
    const kept = login?.named === undefined ? account && this.#lookups.kept(account.id) : appPassword?.kept
    const secondFactor = account !== undefined && login?.named === undefined && this.secondFactors.isOn(account.id)
    // One name for all forms of it, so that a decoy's salt is the same for user and user@realm, as an account's is.
    const [place] = this.#names.places(name, realm)
    const decoy = (purpose: string, octets: number): Buffer =>
      this.#seal.decoy(`${purpose} ${place?.localPart}@${place?.domain}`, octets)
    return new StoredCredential({
      known: account && kept && { account, kept },
      appPassword,
      secondFactor,
      decoy: () => ({ verifiers: decoyVerifiers(this.#options.families, decoy), ha1: decoy('digest-md5', 16) }),
      remembered: this.#remembered,
      upgrade: (id, heard) => this.#upgrade(id, heard),
    })
  }

  /** A password that was heard and found right gets verifiers of our own, unless it was changed meanwhile. */
  async #upgrade(id: AccountId, password: string): Promise<void> {
    const account = this.#lookups.byId(id)
    if (account === undefined) return
    const verifiers = await this.#verifiers(account, password)
    await this.#change((tx) => {
      const families = tx.sql('SELECT families FROM credential WHERE account = ?').get(id)?.[0]
      if (families === FOREIGN_FAMILY) this.#putCredential(tx, id, verifiers)
    })
  }

  mechanisms(): ReadonlySet<string> {
    const kept = [[this.#options.families.join(' '), this.defaultRealm] as const, ...this.#lookups.families()]
    const everywhere = (name: string): boolean =>
      kept.every(([families, realm]) => {
        const need = NEEDS[name]
        if (!need) return true
        // A hash for another realm than the one that is offered now is no use.
        return families.split(' ').includes(need) && (need !== 'digest-md5' || realm === this.defaultRealm)
      })
    return new Set(mechanismsBy('password').filter(everywhere))
  }

  get knowsApop(): boolean {
    const kept = [this.#options.families.join(' '), ...this.#lookups.families().map(([families]) => families)]
    return kept.every((families) => families.split(' ').includes('apop'))
  }

  recipient(localPart: string, domain: string): Account | undefined {
    const folded = foldDomain(domain)
    if (folded !== '' && !this.#lookups.hostsDomain(folded)) return undefined
    return this.#lookups.account(foldLocalPart(localPart), folded)
  }

  hostsDomain(domain: string): boolean {
    return this.#lookups.hostsDomain(foldDomain(domain))
  }

  byId(id: AccountId): Account | undefined {
    return this.#lookups.byId(id)
  }

  list(): readonly Account[] {
    return this.#lookups.list()
  }

  withPassword(): readonly Account[] {
    return this.#lookups.withPassword()
  }

  domains(): readonly string[] {
    return this.#lookups.domains()
  }

  find(address: string): Account | undefined {
    return this.#named(address, undefined)
  }

  place(address: string): Place {
    const { localPart, domain } = splitAddress(address)
    const checked = checkLocalPart(localPart)
    if (domain === undefined) return { localPart: checked, domain: '' }
    const folded = checkDomain(domain)
    return { localPart: checked, domain: this.#names.isOfThisHost(folded) ? '' : folded }
  }

  async add(
    localPart: string,
    domain: string,
    password: string | ForeignHash,
    options: AddOptions = {},
  ): Promise<Account> {
    const place = this.place(domain === '' ? localPart : `${localPart}@${domain}`)
    const verifiers = await this.#verifiers(place, password)
    const id = await this.#change((tx) => {
      this.#checkFree(tx, place, options.realmOnly ?? false)
      const { lastInsertRowid } = tx
        .sql('INSERT INTO account (domain, local_part, quota_octets, created_ms) VALUES (?, ?, ?, ?)')
        .run(place.domain, place.localPart, options.quotaOctets ?? 0, this.#options.clock.now())
      this.#putCredential(tx, lastInsertRowid, verifiers)
      return lastInsertRowid
    })
    return this.#existing(id)
  }

  async ofSystemUser(name: string): Promise<Account> {
    const known = this.recipient(name, '')
    if (known !== undefined) return known
    const localPart = checkLocalPart(name)
    await this.#change((tx) =>
      tx
        .sql("INSERT OR IGNORE INTO account (domain, local_part, quota_octets, created_ms) VALUES ('', ?, 0, ?)")
        .run(localPart, this.#options.clock.now()),
    )
    const made = this.recipient(localPart, '')
    if (made === undefined) throw new AccountError('no-such-account', `account ${localPart} was removed at once`)
    return made
  }

  async setPassword(account: AccountId, password: string | ForeignHash): Promise<void> {
    const { localPart, domain } = this.#existing(account)
    const verifiers = await this.#verifiers({ localPart, domain }, password)
    await this.#change((tx) => {
      // Deleted meanwhile: a credential without account must not come to be.
      expectOne(account, tx.sql('UPDATE account SET disabled = disabled WHERE id = ?').run(account))
      this.#putCredential(tx, account, verifiers)
    })
    this.#remembered.forget(account)
  }

  async removePassword(account: AccountId): Promise<void> {
    this.#existing(account)
    await this.#change((tx) => tx.sql('DELETE FROM credential WHERE account = ?').run(account))
    this.#remembered.forget(account)
  }

  async setDisabled(account: AccountId, disabled: boolean): Promise<void> {
    await this.#change((tx) =>
      expectOne(account, tx.sql('UPDATE account SET disabled = ? WHERE id = ?').run(disabled ? 1 : 0, account)),
    )
    this.#remembered.forget(account)
  }

  urlKey(account: AccountId, mailboxKey: Buffer): Buffer {
    return this.#seal.urlKey(account, mailboxKey)
  }

  async setQuota(account: AccountId, quota: Partial<AccountQuota>): Promise<void> {
    const { quotaOctets, quotaMessages, quotaMailboxes } = quota
    await this.#change((tx) =>
      expectOne(
        account,
        tx
          .sql(
            `UPDATE account SET quota_octets = ifnull(?, quota_octets), quota_messages = ifnull(?, quota_messages),
               quota_mailboxes = ifnull(?, quota_mailboxes) WHERE id = ?`,
          )
          .run(quotaOctets ?? null, quotaMessages ?? null, quotaMailboxes ?? null, account),
      ),
    )
  }

  async remove(account: AccountId): Promise<void> {
    await this.#change((tx) => {
      tx.sql('DELETE FROM credential WHERE account = ?').run(account)
      expectOne(account, tx.sql('DELETE FROM account WHERE id = ?').run(account))
    })
    this.#remembered.forget(account)
  }

  async addDomain(domain: string): Promise<void> {
    const name = checkDomain(domain)
    if (this.#options.isLocalDomain(name))
      throw new AccountError('local-domain', `${name} is in mydestination: its mail is for the accounts of this host`)
    await this.#change((tx) => {
      const made = tx.sql('INSERT OR IGNORE INTO domain VALUES (?, ?)').run(name, this.#options.clock.now())
      if (made.changes === 0) throw new AccountError('exists', `domain ${name} exists already`)
    })
  }

  async removeDomain(domain: string): Promise<void> {
    const name = foldDomain(domain)
    await this.#change((tx) => {
      const accounts = Number(tx.sql('SELECT count(*) FROM account WHERE domain = ?').get(name)?.[0])
      if (accounts > 0)
        throw new AccountError('domain-in-use', `domain ${name} has ${accounts} account(s): delete those first`)
      const gone = tx.sql('DELETE FROM domain WHERE name = ?').run(name)
      if (gone.changes === 0) throw new AccountError('no-such-domain', `domain ${printable(name)} is not hosted here`)
    })
  }

  /** One transaction on these tables, durable when it resolves. */
  async #change<T>(work: (tx: Tx) => T): Promise<T> {
    const result = await this.#options.db.write((tx) => {
      const value = work(tx)
      tx.sql('UPDATE account_generation SET generation = generation + 1').run()
      return value
    })
    this.#lookups.changed()
    await this.#options.db.syncWal()
    return result
  }

  #checkFree(tx: Tx, { localPart, domain }: Place, realmOnly: boolean): void {
    const address = domain === '' ? localPart : `${localPart}@${domain}`
    if (tx.sql('SELECT 1 FROM account WHERE domain = ? AND local_part = ?').get(domain, localPart))
      throw new AccountError('exists', `account ${address} exists already`)
    if (domain === '' || realmOnly || tx.sql('SELECT 1 FROM domain WHERE name = ?').get(domain)) return
    throw new AccountError('no-such-domain', `domain ${domain} is not hosted here: postigo domain add ${domain}`)
  }

  async #verifiers(place: Place, password: string | ForeignHash): Promise<Verifiers> {
    if (typeof password !== 'string') return { scram: {}, digest: [], cram: [], foreign: password }
    return makeVerifiers(password, this.#options.families, this.#names.forDigest(place))
  }

  #putCredential(tx: Tx, account: AccountId, verifiers: Verifiers): void {
    tx.sql(
      'INSERT OR REPLACE INTO credential (account, families, realm, sealed, changed_ms) VALUES (?, ?, ?, ?, ?)',
    ).run(
      account,
      verifiers.foreign === undefined ? this.#options.families.join(' ') : FOREIGN_FAMILY,
      this.defaultRealm,
      this.#seal.seal(account, printVerifiers(verifiers)),
      this.#options.clock.now(),
    )
  }

  #existing(id: AccountId): Account {
    const account = this.#lookups.byId(id)
    if (!account) throw new AccountError('no-such-account', `there is no account ${id}`)
    return account
  }

  #named(name: string, realm: string | undefined): Account | undefined {
    for (const { localPart, domain } of this.#names.places(name, realm)) {
      const account = this.#lookups.account(localPart, domain)
      if (account) return account
    }
    return undefined
  }
}

function expectOne(account: AccountId, { changes }: { readonly changes: number }): void {
  if (changes === 0) throw new AccountError('no-such-account', `there is no account ${account}`)
}
