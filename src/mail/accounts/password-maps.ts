/** `password_maps`: passwords that stay where another server keeps them, asked in place. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { SaslUnavailable } from '../../formats/sasl/mod.ts'
import { type Maps, TableError } from '../../io/tables/mod.ts'
import { matchesForeign, readForeign } from './foreign/schemes.ts'

export class PasswordMaps {
  readonly #maps: Pick<Maps, 'get'>
  readonly #scheme: string

  /** @param scheme of results that name none: password_default_scheme */
  constructor(maps: Pick<Maps, 'get'>, scheme: string) {
    this.#maps = maps
    this.#scheme = scheme
  }

  /** Whether one of the names, the first that is there, has this password. Throws SaslUnavailable. */
  async knows(names: readonly string[], password: string): Promise<boolean> {
    for (const name of names) {
      const field = await this.#find(name)
      if (field === undefined) continue
      const kept = readForeign(field, this.#scheme)
      if (kept.kind === 'unknown') throw new SaslUnavailable(`password of ${name} in password_maps: ${kept.why}`)
      if (kept.kind === 'locked') return false
      return kept.kind === 'plain'
        ? isSame(kept.password, password)
        : matchesForeign({ text: kept.text, name }, password)
    }
    return false
  }

  async #find(name: string): Promise<string | undefined> {
    try {
      return await this.#maps.get(name)
    } catch (error) {
      if (!(error instanceof TableError)) throw error
      throw new SaslUnavailable(`password_maps: ${error.message}`, { cause: error })
    }
  }
}

/** In a time that tells nothing of where they differ. */
function isSame(kept: string, given: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(kept), digest(given))
}
