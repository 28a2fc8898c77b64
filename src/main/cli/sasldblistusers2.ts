/** Cyrus SASL's sasldblistusers2(8): who can log in, a line each, as Cyrus prints them. */
import { version } from '../version.ts'
import { parseWords, UsageError, withAccounts, type OpenAccounts } from './accounts-port.ts'
import { EX, type Command } from './io.ts'

const USAGE = `sasldblistusers2: usage: sasldblistusers2 [-v] [--config DIR]
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
      if (file !== undefined) throw new UsageError(`${file}: only Postigo's own store can be listed`)
      return await withAccounts('sasldblistusers2', io, open, values.config, async ({ accounts }) => {
        // The property that Cyrus prints for a password, so that scripts which look for it go on.
        for (const { localPart, realm } of accounts.withPassword()) io.out(`${localPart}@${realm}: userPassword\n`)
        return EX.ok
      })
    } catch (error) {
      if (!(error instanceof UsageError)) throw error
      io.err(`sasldblistusers2: ${error.message}\n${USAGE}`)
      return 1
    }
  }
}
