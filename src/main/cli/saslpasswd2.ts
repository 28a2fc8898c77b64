/**
 * Cyrus SASL's saslpasswd2(8), and saslpasswd as SASL 1 called it: sets, changes and takes away a password. Options,
 * prompts and exit codes are Cyrus's; passwords go to the account store, where one password serves all protocols.
 *
 * -d takes away the password and leaves the account with its mail: Cyrus knows no mail that could be lost.
 * -n asks that the password itself be not stored, which it never is; -a names an application, and all share one store.
 * -f is refused: a file that nobody reads would only look like success.
 */
import { AccountError, type Account } from '../../mail/accounts/mod.ts'
import { version } from '../version.ts'
import {
  createAccount,
  parseWords,
  UsageError,
  withAccounts,
  type OpenAccounts,
  type OpenedAccounts,
} from './accounts-port.ts'
import { EX, type CliIo, type Command } from './io.ts'
import { askNewPassword, NoPassword } from './password-prompt.ts'

const USAGE = `saslpasswd2: usage: saslpasswd2 [-v] [-c [-p] [-n]] [-d] [-a appname] [-u DOM] [--config DIR] userid
\t-p\tpipe mode -- no prompt, password read on stdin
\t-c\tcreate -- make the account where there is none
\t-d\tdelete -- take the password away; the account and its mail stay
\t-n\tno userPassword -- the password itself is never stored here
\t-a appname\tall applications share one password
\t-u DOM\tuse DOM for user domain
\t-v\tprint version numbers and exit
\t--config DIR\tPostigo's configuration directory
`

/** Cyrus exits with SASL's error numbers, their sign taken away. */
const SASL = { fail: 1, badParam: 7, noUser: 20 } as const

const OPTIONS = {
  version: { type: 'boolean', short: 'v' },
  create: { type: 'boolean', short: 'c' },
  pipe: { type: 'boolean', short: 'p' },
  'no-plain': { type: 'boolean', short: 'n' },
  delete: { type: 'boolean', short: 'd' },
  application: { type: 'string', short: 'a' },
  file: { type: 'string', short: 'f' },
  realm: { type: 'string', short: 'u' },
  config: { type: 'string' },
} as const

interface Task {
  readonly what: 'create' | 'change' | 'delete'
  readonly address: string
  readonly fromInput: boolean
}

/** The command, over the accounts that `open` opens. */
export function saslpasswd2Command(open: OpenAccounts): Command {
  return async (argv, io) => {
    try {
      const { values, words } = parseWords(argv, OPTIONS)
      if (values.version === true) {
        io.out(`saslpasswd2 of Postigo ${version}\n`)
        return EX.ok
      }
      if (values.file !== undefined) {
        io.err(`saslpasswd2: -f ${values.file}: passwords are kept in Postigo's own store, a file would not be read\n`)
        return SASL.fail
      }
      const task = takeTask(values, words)
      return await withAccounts('saslpasswd2', io, open, values.config, (opened) => inCyrusWords(io, task, opened))
    } catch (error) {
      if (!(error instanceof UsageError)) throw error
      io.err(`${error.message === '' ? '' : `saslpasswd2: ${error.message}\n`}${USAGE}`)
      return SASL.fail
    }
  }
}

function takeTask(
  values: { readonly create?: boolean; readonly delete?: boolean; readonly pipe?: boolean; readonly realm?: string },
  words: readonly string[],
): Task {
  const [userid = '', ...more] = words
  if (userid === '' || more.length > 0) throw new UsageError('')
  if (values.create === true && values.delete === true) throw new UsageError('-c and -d exclude each other')
  if (values.realm !== undefined && userid.includes('@'))
    throw new UsageError(`${userid} names its domain, and -u ${values.realm} another`)
  const what = values.create === true ? 'create' : values.delete === true ? 'delete' : 'change'
  const address = values.realm === undefined || values.realm === '' ? userid : `${userid}@${values.realm}`
  return { what, address, fromInput: values.pipe === true }
}

/** Runs the task; what fails is said and counted as Cyrus does. */
async function inCyrusWords(io: CliIo, task: Task, opened: OpenedAccounts): Promise<number> {
  try {
    return await run(io, task, opened)
  } catch (error) {
    const isBad = error instanceof NoPassword || (error instanceof AccountError && error.fault.startsWith('bad-'))
    if (!isBad) throw error
    io.err(`saslpasswd2: ${error.message}\n`)
    return SASL.badParam
  }
}

async function run(io: CliIo, { what, address, fromInput }: Task, opened: OpenedAccounts): Promise<number> {
  const { accounts } = opened
  const place = accounts.place(address)
  const account = accounts.find(address)
  if (!account && what !== 'create') {
    io.err(`saslpasswd2: user not found: ${address}${what === 'change' ? ' (-c creates it)' : ''}\n`)
    return SASL.noUser
  }
  if (account && what === 'delete') return takeAway(io, opened, account)
  const password = await askNewPassword(io, { fromInput })
  if (account) await accounts.setPassword(account.id, password)
  else await createAccount(opened, place, password, { realmOnly: true })
  if (!account && place.domain !== '' && !accounts.hostsDomain(place.domain))
    io.err(`saslpasswd2: ${address} can log in; mail for it needs "postigo domain add ${place.domain}"\n`)
  return EX.ok
}

async function takeAway(io: CliIo, { accounts }: OpenedAccounts, account: Account): Promise<number> {
  await accounts.removePassword(account.id)
  io.err(
    `saslpasswd2: ${account.localPart}@${account.realm} can no longer log in; its mail stays ("postigo account delete" removes it)\n`,
  )
  return EX.ok
}
