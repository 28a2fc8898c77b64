/** Cyrus SASL's own password file (`/etc/sasldb2`, Berkeley DB): read, never written. */
import { readFileSync } from 'node:fs'
import { readBerkeley } from '../../io/tables/berkeley.ts'

export interface SasldbUser {
  readonly user: string
  readonly realm: string
  readonly password: string
}

/** A file that cannot be read or is no sasldb; `message` says which and why. */
export class SasldbError extends Error {}

/** The property that holds a password; others (one-time passwords, SRP) belong to mechanisms that are not spoken here. */
const PASSWORD = 'userPassword'

/** All users with a password, by name. Throws SasldbError. */
export function readSasldb(path: string): readonly SasldbUser[] {
  let entries: ReadonlyMap<string, string>
  try {
    entries = readBerkeley(readFileSync(path))
  } catch (error) {
    throw new SasldbError(`${path}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
  const users = [...entries].flatMap(([key, password]): SasldbUser[] => {
    const [user = '', realm = '', property] = key.split('\0')
    return property === PASSWORD ? [{ user, realm, password }] : []
  })
  return users.toSorted((a, b) => (`${a.user}@${a.realm}` < `${b.user}@${b.realm}` ? -1 : 1))
}
