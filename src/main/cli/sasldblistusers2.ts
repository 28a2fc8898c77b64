/** Cyrus SASL's sasldblistusers2(8): who can log in, a line each, as Cyrus prints them. */
import { version } from '../version.ts'
import { parseWords, UsageError, withAccounts, type OpenAccounts } from './accounts-port.ts'
import { EX, type CliIo, type Command } from './io.ts'
import { readSasldb, SasldbError } from './sasldb.ts'

const USAGE = `sasldblistusers2: usage: sasldblistusers2 [-v] [[-f] sasldb] [--config DIR]
\t-f sasldb\tlist that file of Cyrus SASL instead of Postigo's accounts
\t-v\tprint version numbers and exit
\t--config DIR\tPostigo's configuration directory
`

const OPTIONS = {
  version: { type: 'boolean', short: 'v' },
  file: { type: 'string', short: 'f' },
  config: { type: 'string' },
} as const

/** The command, over the accounts that `open` opens. */
export function sasldblistusers2Command(open: OpenAccounts): Command {
  return async (argv, io) => {
    try {
      const { values, words } = parseWords(argv, OPTIONS)
      if (values.version === true) {
        io.out(`sasldblistusers2 of Postigo ${version}\n`)
        return EX.ok
      }
      const file = values.file ?? words[0]
      if (words.length > 1 || (values.file !== undefined && words.length > 0)) throw new UsageError('one file at most')
      if (file !== undefined) return listFile(file, io)
      return await withAccounts('sasldblistusers2', io, open, values.config, async ({ accounts }) => {
        for (const { localPart, realm } of accounts.withPassword()) print(io, localPart, realm)
        return EX.ok
      })
    } catch (error) {
      if (!(error instanceof UsageError)) throw error
      io.err(`sasldblistusers2: ${error.message}\n${USAGE}`)
      return 1
    }
  }
}

/** The property that Cyrus prints for a password, so that scripts which look for it go on. */
function print(io: CliIo, user: string, realm: string): void {
  io.out(`${user}@${realm}: userPassword\n`)
}

function listFile(file: string, io: CliIo): number {
  try {
    for (const { user, realm } of readSasldb(file)) print(io, user, realm)
    return EX.ok
  } catch (error) {
    if (!(error instanceof SasldbError)) throw error
    io.err(`sasldblistusers2: ${error.message}\n`)
    return 1
  }
}
