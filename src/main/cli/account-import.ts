/** `postigo account import`: the users of Cyrus SASL's sasldb2 become accounts with the passwords they have. */
import { AccountError } from '../../mail/accounts/mod.ts'
import { createAccount, type OpenedAccounts } from './accounts-port.ts'
import { EX, type CliIo } from './io.ts'
import { readSasldb, SasldbError, type SasldbUser } from './sasldb.ts'

export interface ImportOptions {
  readonly file: string
  /** The realm whose users are accounts of this host: saslpasswd2 took the machine's name for one. */
  readonly hostRealm: string | undefined
}

/** Says of each user what became of it. Passwords that accounts have already are kept. */
export async function importSasldb(io: CliIo, opened: OpenedAccounts, options: ImportOptions): Promise<number> {
  const users = usersOf(io, options.file)
  if (!users) return EX.noInput
  let code: number = EX.ok
  for (const user of users) {
    const address = user.realm === options.hostRealm ? user.user : `${user.user}@${user.realm}`
    try {
      io.out(`${user.user}@${user.realm}: ${await importUser(opened, address, user.password)}\n`)
    } catch (error) {
      if (!(error instanceof AccountError)) throw error
      io.err(`postigo account: ${user.user}@${user.realm}: ${error.message}\n`)
      code = EX.dataErr
    }
  }
  return code
}

function usersOf(io: CliIo, file: string): readonly SasldbUser[] | undefined {
  try {
    return readSasldb(file)
  } catch (error) {
    if (!(error instanceof SasldbError)) throw error
    io.err(`postigo account: ${error.message}\n`)
    return undefined
  }
}

async function importUser(opened: OpenedAccounts, address: string, password: string): Promise<string> {
  const { accounts } = opened
  const place = accounts.place(address)
  const account = accounts.find(address)
  if (!account) {
    await createAccount(opened, place, password, { realmOnly: true })
    const getsMail = place.domain === '' || accounts.hostsDomain(place.domain)
    return getsMail ? 'added' : `added to log in only (--realm ${place.domain} makes it an account of this host)`
  }
  if (accounts.withPassword().some(({ id }) => id === account.id)) return 'has a password already, kept'
  await accounts.setPassword(account.id, password)
  return 'password set'
}
