/** Whom a client's certificate logs in as: `login_clientcerts`, and `login_clientcert_addresses`. */
import { type ClientCertificate, SaslUnavailable } from '../../formats/sasl/mod.ts'
import { type Maps, TableError } from '../../io/tables/mod.ts'

export interface CertificateName {
  readonly name: string
  /** The operator has listed this certificate: the name need be no account's. */
  readonly isListed: boolean
}

export class ClientCertificates {
  readonly #maps: Pick<Maps, 'get'> | undefined
  readonly #byAddress: boolean

  constructor(maps: Pick<Maps, 'get'> | undefined, byAddress: boolean) {
    this.#maps = maps
    this.#byAddress = byAddress
  }

  /** Names it may mean, the best first. Throws SaslUnavailable. */
  async namesOf({ fingerprints, addresses, isVerified }: ClientCertificate): Promise<readonly CertificateName[]> {
    for (const fingerprint of fingerprints) {
      const name = await this.#listed(fingerprint)
      if (name !== undefined) return [{ name, isListed: true }]
    }
    return this.#byAddress && isVerified ? addresses.map((name) => ({ name, isListed: false })) : []
  }

  async #listed(fingerprint: string): Promise<string | undefined> {
    try {
      const name = (await this.#maps?.get(fingerprint))?.trim()
      return name === '' ? undefined : name
    } catch (error) {
      if (!(error instanceof TableError)) throw error
      throw new SaslUnavailable(`login_clientcerts: ${error.message}`, { cause: error })
    }
  }
}
