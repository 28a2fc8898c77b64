/** Opening the accounts of a data directory. */
import type { Db } from '../../io/db/mod.ts'
import { StoredAccounts, type AccountsOptions } from './accounts.ts'
import type { Accounts } from './contract.ts'
import { readKey } from './seal.ts'
import { FAMILIES, type Family } from './verifiers.ts'

/** The name of the key's file, beside the database. */
export const KEY_FILE = 'credential.key'

/**
 * The key that passwords are sealed under, from `path` (`<data>/credential.key`); made (mode 600) while no password is
 * stored. Throws AccountError('wrong-key') when passwords are stored and the key is missing or no key.
 */
export function accountKey(db: Db, path: string): Buffer {
  const sealed = ['credential', 'app_password', 'second_factor']
  const isUsed = sealed.some((table) => db.read.sql(`SELECT 1 FROM ${table} LIMIT 1`).get() !== undefined)
  return readKey(path, !isUsed)
}

/** Throws AccountError('wrong-key') when the stored passwords were sealed under another key. */
export function openAccounts(options: AccountsOptions): Accounts {
  return new StoredAccounts(options)
}

/** The words of `password_verifiers`; throws RangeError for one that is none, or when no plain password could be checked. */
export function verifierFamilies(words: readonly string[]): readonly Family[] {
  const families = words.map((word) => {
    const family = FAMILIES.find((name) => name === word.toLowerCase())
    if (!family) throw new RangeError(`password_verifiers: "${word}" is none of ${FAMILIES.join(', ')}`)
    return family
  })
  if (!families.some((family) => family === 'argon2id' || family.startsWith('scram-')))
    throw new RangeError(
      'password_verifiers: one of argon2id, scram-sha-256, scram-sha-1 is needed for plain passwords',
    )
  // In one order, whatever the setting's, so that rows with the same families look alike.
  return FAMILIES.filter((name) => families.includes(name))
}
