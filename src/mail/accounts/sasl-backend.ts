/** What SASL mechanisms ask, answered from accounts and, for plain passwords, from saslauthd. */
import type {
  BearerVerdict,
  ClientCertificate,
  CramMd5Secret,
  DigestMd5Secret,
  SaslBackend,
  SaslIdentity,
  ScramHash,
  ScramSecret,
} from '../../formats/sasl/mod.ts'
import { mechanismsBy, SaslUnavailable } from '../../formats/sasl/mod.ts'
import type { ClientCertificates } from './client-certificates.ts'
import type { Account, Accounts, AppPassword, Credential, Scope } from './contract.ts'
import type { Directories } from './directories.ts'
import { AccountError } from './errors.ts'
import type { PasswordMaps } from './password-maps.ts'
import { NAME_SEPARATOR } from './app-passwords.ts'
import { askSaslauthd } from './saslauthd.ts'
import type { SaslConf } from './smtpd-conf.ts'
import type { TokenChecker } from './tokens/checker.ts'

export interface SaslBackendOptions {
  /** The service's name for saslauthd and PAM: `smtp`, `imap`, `pop`. */
  readonly service: string
  /** What an application password must open here; told by the service's name where it is not given. */
  readonly scope?: Scope
  /** Who is asked; without it only accounts are. */
  readonly conf?: Pick<SaslConf, 'sources' | 'saslauthdPath'>
  /** Whether a password is the system's own for a user of it; asked after all others. Rejects when that cannot be told. */
  readonly system?: (user: string, password: string) => Promise<boolean>
  /** Passwords of other servers, asked in place after those of `conf`. */
  readonly maps?: PasswordMaps
  /** Who checks passwords by itself, after those. */
  readonly directories?: Pick<Directories, 'knows'>
  /** Whom certificates mean. */
  readonly certificates?: Pick<ClientCertificates, 'namesOf'>
  /** Whom tokens mean. */
  readonly tokens?: Pick<TokenChecker, 'check' | 'refusal'>
}

/**
 * Directories, and tables with collations, take `ana ` for `ana`, and what cannot be seen for nothing (RFC 4518 §2.2, §2.6.1). Here
 * it would be somebody else, with no second factor.
 */
const PADDED = /^\s|\s$|\s\s|[\p{Cc}\p{Cf}]/u

const ACCOUNTS_ONLY = { sources: ['accounts'], saslauthdPath: '' } as const

/** Mechanisms that every source can do: whoever is not the accounts is asked with plain passwords only. */
export function availableMechanisms(
  accounts: Pick<Accounts, 'mechanisms'>,
  options: Omit<SaslBackendOptions, 'service'> = {},
): ReadonlySet<string> {
  const { conf = ACCOUNTS_ONLY, system, maps, directories, certificates, tokens } = options
  const plain = new Set(['PLAIN', 'LOGIN'])
  const others = [system, maps, directories].some((source) => source !== undefined)
  const isAlone = !conf.sources.includes('saslauthd') && !others
  const byPassword = isAlone
    ? accounts.mechanisms()
    : conf.sources.includes('accounts')
      ? accounts.mechanisms().intersection(plain)
      : plain
  return new Set([
    ...byPassword,
    ...(certificates === undefined ? [] : mechanismsBy('certificate')),
    ...(tokens === undefined ? [] : mechanismsBy('token')),
  ])
}

export function createSaslBackend(accounts: Accounts, options: SaslBackendOptions): SaslBackend {
  return new AccountsBackend(accounts, options)
}

class AccountsBackend implements SaslBackend {
  readonly realm: string
  readonly #accounts: Accounts
  readonly #service: string
  readonly #conf: Pick<SaslConf, 'sources' | 'saslauthdPath'>
  readonly #system: SaslBackendOptions['system']
  readonly #maps: PasswordMaps | undefined
  readonly #scope: Scope
  readonly #directories: SaslBackendOptions['directories']
  readonly #certificates: SaslBackendOptions['certificates']
  readonly #tokens: SaslBackendOptions['tokens']

  constructor(accounts: Accounts, options: SaslBackendOptions) {
    const { service, scope, conf = ACCOUNTS_ONLY, system, maps, directories, certificates, tokens } = options
    this.#directories = directories
    this.#certificates = certificates
    this.#tokens = tokens
    this.#scope = scope ?? (service === 'imap' ? 'imap' : service === 'pop' ? 'pop3' : 'smtp')
    this.#maps = maps
    this.#system = system
    this.realm = accounts.defaultRealm
    this.#accounts = accounts
    this.#service = service
    this.#conf = conf
  }

  async verifyPassword(username: string, password: string): Promise<SaslIdentity | undefined> {
    const byApp = this.#byAppPassword(username, password)
    if (byApp !== undefined) return byApp
    const said = asked(() => this.#accounts.takeApart(username, password))
    const identity = await this.#ofPassword(username, said.password)
    if (identity === undefined) said.waste()
    if (identity === undefined || !said.isOn) return identity
    return (await said.spend()) ? identity : undefined
  }

  #byAppPassword(username: string, password: string): SaslIdentity | undefined {
    const found = asked(() => this.#accounts.byAppPassword(username, password, this.#scope))
    if (found === undefined || !this.#conf.sources.includes('accounts')) return undefined
    return identify(username, found.account, found.password)
  }

  async #ofPassword(username: string, password: string): Promise<SaslIdentity | undefined> {
    let unavailable: SaslUnavailable | undefined
    const isPadded = PADDED.test(username)
    for (const source of this.#conf.sources) {
      if (isPadded && source !== 'accounts') continue
      try {
        const identity = await this.#ask(source, username, password)
        if (identity) return identity
      } catch (error) {
        if (!(error instanceof SaslUnavailable)) throw error
        unavailable = error
      }
    }
    const mapped = isPadded ? undefined : await this.#mapped(username, password)
    if (mapped) return mapped
    try {
      const isKnown = !isPadded && (await this.#directories?.knows(username, password, this.#localName(username)))
      if (isKnown === true) return this.#named(username)
    } catch (error) {
      if (!(error instanceof SaslUnavailable)) throw error
      unavailable = error
    }
    const ofSystem = this.#system && (await this.#systemUser(username, password, this.#system))
    if (ofSystem) return ofSystem
    // Refused by those who answered, but not all did: it may still be right.
    if (unavailable) throw unavailable
    return undefined
  }

  /** The name as it was typed, with this host's realm, and alone where it is of this host; all are one user. */
  async #mapped(username: string, password: string): Promise<SaslIdentity | undefined> {
    if (this.#maps === undefined || password === '') return undefined
    const local = this.#localName(username)
    const names = new Set([username, ...(local.includes('@') ? [] : [`${local}@${this.realm}`, local])])
    if (!(await this.#maps.knows([...names], password))) return undefined
    return this.#named(username)
  }

  /** Vouched for elsewhere: of the account by that name, or of none, unless it is disabled. */
  #named(username: string): SaslIdentity | undefined {
    const named = this.#accounts.find(username)
    return named?.disabled === true ? undefined : { accountId: named?.id, username }
  }

  async external(certificate: ClientCertificate): Promise<SaslIdentity | undefined> {
    for (const { name, isListed } of (await this.#certificates?.namesOf(certificate)) ?? []) {
      const identity = isListed ? this.#named(name) : identify(name, this.#accounts.byLogin(name))
      if (identity) return identity
    }
    return undefined
  }

  async bearer(token: string): Promise<BearerVerdict> {
    if (this.#tokens === undefined) throw new SaslUnavailable('no issuer of tokens is known')
    const verdict = await this.#tokens.check(token)
    if (!('name' in verdict)) return verdict
    // An issuer may know all the world: only who has an account is let in.
    const identity = identify(verdict.name, this.#accounts.byLogin(verdict.name))
    if (identity) return { identity }
    return this.#tokens.refusal('invalid_token', `${JSON.stringify(verdict.name)} has no account`)
  }

  /** The account of a system user is made at the first log-in, if no mail came before. */
  async #systemUser(
    username: string,
    password: string,
    system: NonNullable<SaslBackendOptions['system']>,
  ): Promise<SaslIdentity | undefined> {
    const name = this.#localName(username)
    let isRight: boolean
    try {
      isRight = await system(name, password)
    } catch (error) {
      throw new SaslUnavailable('system passwords cannot be asked for', { cause: error })
    }
    if (!isRight) return undefined
    const account = await this.#accounts.ofSystemUser(name)
    return account.disabled ? undefined : { accountId: account.id, username }
  }

  /** `user`, or `user@` a domain of this host; any other name is no user's, and is asked for all the same. */
  #localName(username: string): string {
    if (!username.includes('@')) return username
    try {
      const { localPart, domain } = this.#accounts.place(username)
      return domain === '' ? localPart : username
    } catch {
      return username // no address: no user
    }
  }

  async #ask(
    source: SaslConf['sources'][number],
    username: string,
    password: string,
  ): Promise<SaslIdentity | undefined> {
    if (source === 'accounts') {
      const credential = this.#credential(username)
      return (await credential.verify(password)) ? identify(username, credential.account) : undefined
    }
    const request = { username, password, service: this.#service }
    if (!(await askSaslauthd(this.#conf.saslauthdPath, request))) return undefined
    // Vouched for as a user of the system: no mailbox of an account follows from that. Whoever is shut out here is so.
    if (this.#accounts.find(username)?.disabled === true) return undefined
    return { accountId: undefined, username }
  }

  scram(username: string, hash: ScramHash): ScramSecret {
    const credential = this.#credential(username)
    return { ...credential.scram(hash), identity: identityOf(username, credential) }
  }

  digestMd5(username: string, realm: string): DigestMd5Secret {
    const credential = this.#credential(username, realm)
    return { ha1s: credential.digestMd5(username, realm), identity: identityOf(username, credential) }
  }

  cramMd5(username: string, challenge: Buffer): CramMd5Secret {
    const credential = this.#credential(username)
    return { digests: credential.cramMd5(challenge), identity: identityOf(username, credential) }
  }

  apop(username: string, timestamp: string): { digest: Buffer; identity: SaslIdentity | undefined } {
    const credential = this.#credential(username)
    return { digest: credential.apop(timestamp), identity: identityOf(username, credential) }
  }

  mayActAs(identity: SaslIdentity, authzid: string): boolean {
    if (authzid === identity.username) return true
    return identity.accountId !== undefined && this.#accounts.loginOwner(authzid)?.id === identity.accountId
  }

  #credential(username: string, realm?: string): ReturnType<Accounts['credential']> {
    return asked(() => this.#accounts.credential(username, realm, this.#scope))
  }
}

/** What was sealed under another key can be asked again once the right one is there. */
function asked<T>(question: () => T): T {
  try {
    return question()
  } catch (error) {
    if (error instanceof AccountError) throw new SaslUnavailable(error.message, { cause: error })
    throw error
  }
}

function identityOf(username: string, { account, appPassword }: Credential): SaslIdentity | undefined {
  return identify(username, account, appPassword)
}

/** Who named an application password is to all that follows the account, by the name that was typed before the `+`. */
function identify(username: string, account: Account | undefined, appPassword?: AppPassword): SaslIdentity | undefined {
  if (account === undefined) return undefined
  if (appPassword === undefined) return { accountId: account.id, username }
  const { id, name } = appPassword
  const suffix = `${NAME_SEPARATOR}${name}`
  const at = username.lastIndexOf('@')
  const [local, domain] = at < 0 ? [username, ''] : [username.slice(0, at), username.slice(at)]
  const isNamed = local.toLowerCase().endsWith(suffix) && accountOwnPart(account, local)
  return {
    accountId: account.id,
    username: isNamed ? local.slice(0, -suffix.length) + domain : username,
    appPassword: { id, name },
  }
}

/** Whether the `+name` of a log-in name is the password's, and no part of the account's own name. */
function accountOwnPart({ localPart }: Account, local: string): boolean {
  return local.normalize('NFC').toLowerCase() !== localPart
}
