/** The names that an account logs in with, and where the account of a name may be. */
import { foldDomain, foldLocalPart, LOGIN_MAX_OCTETS, splitAddress } from './names.ts'

export interface Place {
  readonly localPart: string
  /** `''` for this host. */
  readonly domain: string
}

export interface DigestName {
  readonly username: string
  readonly realm: string
}

export interface LoginNamesOptions {
  /** In lower case. */
  readonly defaultRealm: string
  readonly isLocalDomain: (domain: string) => boolean
  readonly localDomains?: readonly string[]
}

const LOCAL_DOMAINS_MAX = 16

export class LoginNames {
  readonly #realm: string
  readonly #isLocalDomain: (domain: string) => boolean
  readonly #localDomains: readonly string[]

  constructor({ defaultRealm, isLocalDomain, localDomains = [] }: LoginNamesOptions) {
    this.#realm = defaultRealm
    this.#isLocalDomain = isLocalDomain
    const folded = localDomains.map(foldDomain).filter((name) => name !== defaultRealm)
    this.#localDomains = [...new Set(folded)].slice(0, LOCAL_DOMAINS_MAX)
  }

  isOfThisHost(domain: string): boolean {
    return domain === '' || domain === this.#realm || this.#isLocalDomain(domain)
  }

  /** Where the account of a log-in name may be, best first. A name with `@` tells its realm itself. */
  places(name: string, realm: string | undefined): readonly Place[] {
    if (Buffer.byteLength(name) > LOGIN_MAX_OCTETS) return []
    const { localPart, domain = realm ?? '' } = splitAddress(name)
    const [folded, realmFolded] = [foldLocalPart(localPart), foldDomain(domain)]
    if (!this.isOfThisHost(realmFolded)) return [{ localPart: folded, domain: realmFolded }]
    const here = { localPart: folded, domain: '' }
    // A domain that was hosted before mydestination named it keeps its accounts.
    return realmFolded === '' ? [here] : [here, { localPart: folded, domain: realmFolded }]
  }

  of({ localPart, domain }: Place): string[] {
    const full = this.#full({ localPart, domain })
    return domain === '' ? [localPart, ...full] : full
  }

  /** The names and realms that DIGEST-MD5's clients may send for an account, RFC 2831 §2.1.2. */
  forDigest({ localPart, domain }: Place): DigestName[] {
    // The realm offered, or none where a client leaves it out.
    const entries = this.of({ localPart, domain }).flatMap((username) =>
      [this.#realm, ''].map((realm) => ({ username, realm })),
    )
    if (domain === '') return entries
    // An account of a hosted domain may also give its own realm instead of the one offered.
    const own = [localPart, ...this.#full({ localPart, domain })].map((username) => ({ username, realm: domain }))
    return [...entries, ...own]
  }

  #full({ localPart, domain }: Place): string[] {
    const domains = domain === '' ? [this.#realm, ...this.#localDomains] : [domain]
    return domains.map((name) => `${localPart}@${name}`)
  }
}
