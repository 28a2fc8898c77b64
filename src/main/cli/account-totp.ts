/** `postigo account totp`: whether the password of an account wants a code behind it. */
import { accountName, otpauthUri } from '../../mail/accounts/mod.ts'
import { existing } from './account-words.ts'
import { type OpenAccounts, type OpenedAccounts, parseWords, UsageError, withAccounts } from './accounts-port.ts'
import { type CliIo, type Command, EX } from './io.ts'

const USAGE = `usage: postigo account totp ACCOUNT on | off
       postigo account totp ACCOUNT

  on     makes a secret for an authenticator (RFC 6238) and ten recovery codes, and prints them once
  off    the password alone opens again
  -c DIR configuration directory

While it is on, the password is typed with the six digits right behind it, or with a recovery code; each is good once, and
for mechanisms that say the password (PLAIN, LOGIN). Mail programs use application passwords: postigo account app-password.
`

const OPTIONS = {
  config: { type: 'string', short: 'c' },
  help: { type: 'boolean', short: 'h' },
} as const

export function totpCommand(open: OpenAccounts): Command {
  return async (argv, io) => {
    try {
      const { values, words } = parseWords(argv, OPTIONS)
      if (values.help === true) {
        io.out(USAGE)
        return EX.ok
      }
      const [address = '', state = '', ...more] = words
      if (address === '' || more.length > 0 || !['', 'on', 'off'].includes(state))
        throw new UsageError('an account, and on or off')
      return await withAccounts('postigo account totp', io, open, values.config, async (opened) => {
        if (state === 'on') return turnOn(io, opened, address)
        if (state === 'off') return turnOff(opened, address)
        return show(io, opened, address)
      })
    } catch (error) {
      if (!(error instanceof UsageError)) throw error
      io.err(`postigo account totp: ${error.message}\n${USAGE}`)
      return EX.usage
    }
  }
}

async function turnOn(io: CliIo, opened: OpenedAccounts, address: string): Promise<number> {
  const account = existing(opened, address)
  const { secret, recoveryCodes } = await opened.accounts.secondFactors.enable(account.id)
  io.out(
    `${otpauthUri(secret, opened.accounts.defaultRealm, accountName(account))}\n\n` +
      `Recovery codes, each good once in place of the six digits:\n${recoveryCodes.map((code) => `  ${code}\n`).join('')}`,
  )
  return EX.ok
}

async function turnOff(opened: OpenedAccounts, address: string): Promise<number> {
  await opened.accounts.secondFactors.disable(existing(opened, address).id)
  return EX.ok
}

function show(io: CliIo, opened: OpenedAccounts, address: string): number {
  const { secondFactors } = opened.accounts
  const { id } = existing(opened, address)
  io.out(secondFactors.isOn(id) ? `on, ${secondFactors.recoveryCodesLeft(id)} recovery codes left\n` : 'off\n')
  return EX.ok
}
