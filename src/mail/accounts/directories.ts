/** `ldap_passwords`: directories that check passwords themselves. */
import { SaslUnavailable } from '../../formats/sasl/mod.ts'
import { LdapPasswords, TableError } from '../../io/tables/mod.ts'

export class Directories {
  readonly #files: readonly string[]
  readonly #open = new Map<string, LdapPasswords>()

  constructor(files: readonly string[]) {
    this.#files = files
  }

  /**
   * Whether one of them has this password for the name. Throws SaslUnavailable where none has, and one cannot tell.
   * @param user the name without its domain where that is this host's
   */
  async knows(name: string, password: string, user: string): Promise<boolean> {
    let unavailable: SaslUnavailable | undefined
    for (const file of this.#files)
      try {
        if (await this.#directory(file).verify(name, password, user)) return true
      } catch (error) {
        if (!(error instanceof TableError)) throw error
        unavailable = new SaslUnavailable(`ldap_passwords: ${error.message}`, { cause: error })
      }
    if (unavailable) throw unavailable
    return false
  }

  #directory(file: string): LdapPasswords {
    const known = this.#open.get(file)
    if (known !== undefined) return known
    const made = new LdapPasswords(file)
    this.#open.set(file, made)
    return made
  }
}
