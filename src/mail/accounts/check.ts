/** Whether what is kept of passwords can be opened: a look for `postigo verify`, which tells nothing of what is inside. */
import type { Reader } from '../../io/db/mod.ts'
import type { AccountId } from './contract.ts'
import { AccountError } from './errors.ts'
import { readKey, Seal } from './seal.ts'

export interface CredentialFinding {
  readonly account?: AccountId
  readonly text: string
}

/** Answers how many accounts have a credential. @param path of the key */
export function checkCredentials(
  reader: Reader,
  path: string,
  onFinding: (finding: CredentialFinding) => void,
): number {
  const rows = reader.sql(
    'SELECT c.account, c.sealed, a.id FROM credential c LEFT JOIN account a ON a.id = c.account WHERE c.account > ? ORDER BY c.account LIMIT 256',
  )
  let seal: Seal | undefined
  let done = 0
  for (let after = -1, some; (some = rows.all(after)).length > 0; after = Number(some.at(-1)?.[0])) {
    try {
      seal ??= new Seal(readKey(path, false))
    } catch (error) {
      if (!(error instanceof AccountError)) throw error
      onFinding({ text: error.message })
      return done
    }
    for (const [account, sealed, known] of some) {
      done++
      const tell = (text: string): void => onFinding({ account: Number(account), text })
      if (known === null) tell('a password of an account that has no row')
      if (!opens(seal, Number(account), sealed as Uint8Array)) tell('what is kept of its password cannot be opened') // BLOB NOT NULL
    }
  }
  return done
}

function opens(seal: Seal, account: AccountId, sealed: Uint8Array): boolean {
  try {
    seal.open(account, Buffer.from(sealed))
    return true
  } catch (error) {
    if (error instanceof AccountError) return false
    throw error
  }
}
