/** `postigo account app-password`: passwords for one program each, made here and shown once. */
import { AccountError, accountName, type AppPassword, type Scope, SCOPES, scopesOf } from '../../mail/accounts/mod.ts'
import { existing, shownTime, takeMoment } from './account-words.ts'
import { type OpenAccounts, type OpenedAccounts, parseWords, UsageError, withAccounts } from './accounts-port.ts'
import { type CliIo, type Command, EX } from './io.ts'
import { table } from './table.ts'

const USAGE = `usage: postigo account app-password add ACCOUNT [--name NAME] [--scope SCOPES] [--expires WHEN]
       postigo account app-password list ACCOUNT [--json]
       postigo account app-password remove ACCOUNT NAME

  --name NAME     letters a to z, digits, hyphens; app1, app2 … where it is not given
  --scope SCOPES  what it opens: smtp, imap, pop3, with commas; all by default
  --expires WHEN  so long from now (90d, 12h), or a day (2027-03-01); without it, never
  --json          for programs
  -c DIR          configuration directory

The password is printed once and cannot be shown again. Removing it ends the sessions that were opened with it.
`

const OPTIONS = {
  config: { type: 'string', short: 'c' },
  name: { type: 'string' },
  scope: { type: 'string' },
  expires: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

const TAKES: Readonly<Record<string, { readonly words: number; readonly options: readonly string[] }>> = {
  add: { words: 1, options: ['name', 'scope', 'expires'] },
  list: { words: 1, options: ['json'] },
  remove: { words: 2, options: [] },
}

interface Values {
  readonly config?: string
  readonly name?: string
  readonly scope?: string
  readonly expires?: string
  readonly json?: boolean
  readonly help?: boolean
}

export function appPasswordCommand(open: OpenAccounts, now: () => number = Date.now): Command {
  return async (argv, io) => {
    try {
      const { values, words } = parseWords(argv, OPTIONS)
      if (values.help === true) {
        io.out(USAGE)
        return EX.ok
      }
      const [what = '', address = '', name = ''] = words
      checkWords(what, words.length - 1, values)
      const scopes = takeScopes(values.scope)
      const expiresMs = values.expires === undefined ? undefined : takeMoment('--expires', values.expires, now())
      return await withAccounts('postigo account app-password', io, open, values.config, async (opened) => {
        if (what === 'add') return add(io, opened, address, { name: values.name, scopes, expiresMs })
        if (what === 'remove') return remove(opened, address, name)
        return list(io, opened, address, values.json === true)
      })
    } catch (error) {
      if (!(error instanceof UsageError)) throw error
      io.err(`postigo account app-password: ${error.message}\n${USAGE}`)
      return EX.usage
    }
  }
}

function checkWords(what: string, count: number, values: Values): void {
  const row = TAKES[what]
  if (row === undefined) throw new UsageError(what === '' ? 'add, list or remove?' : `unknown: ${what}`)
  if (count !== row.words)
    throw new UsageError(row.words === 1 ? `${what} takes an account` : `${what} takes an account and a name`)
  const stray = Object.keys(values).find((option) => option !== 'config' && !row.options.includes(option))
  if (stray !== undefined) throw new UsageError(`${what} has no option --${stray}`)
}

function takeScopes(text: string | undefined): readonly Scope[] {
  if (text === undefined) return SCOPES
  const scopes = scopesOf(text)
  const words = text.split(/[\s,]+/).filter((word) => word !== '')
  if (scopes.length === 0 || words.some((word) => !scopesOf(word).length))
    throw new UsageError(`--scope ${text}: some of ${SCOPES.join(', ')}`)
  return scopes
}

async function add(
  io: CliIo,
  opened: OpenedAccounts,
  address: string,
  wanted: {
    readonly name: string | undefined
    readonly scopes: readonly Scope[]
    readonly expiresMs: number | undefined
  },
): Promise<number> {
  const account = existing(opened, address)
  const { appPasswords } = opened.accounts
  const name = wanted.name ?? freeName(appPasswords.list(account.id))
  const password = await appPasswords.add(account, { ...wanted, name })
  const login = accountName(account)
  const [user = '', domain] = login.split('@')
  const named = domain === undefined ? `${user}+${name}` : `${user}+${name}@${domain}`
  io.out(
    `application password ${name} of ${login}, for ${wanted.scopes.join(', ')}:\n\n  ${password}\n\n` +
      `It is not shown again. Log in as ${login}; where a program wants SCRAM, CRAM-MD5 or DIGEST-MD5, as ${named}.\n`,
  )
  return EX.ok
}

function freeName(having: readonly AppPassword[]): string {
  for (let i = 1; ; i++) if (!having.some(({ name }) => name === `app${i}`)) return `app${i}`
}

async function remove(opened: OpenedAccounts, address: string, name: string): Promise<number> {
  const account = existing(opened, address)
  if (!(await opened.accounts.appPasswords.remove(account.id, name)))
    throw new AccountError('no-such-account', `${address} has no application password ${name}`)
  return EX.ok
}

function list(io: CliIo, opened: OpenedAccounts, address: string, json: boolean): number {
  const those = opened.accounts.appPasswords.list(existing(opened, address).id)
  if (json) {
    io.out(`${JSON.stringify(those, undefined, 2)}\n`)
    return EX.ok
  }
  if (those.length === 0) return EX.ok
  const rows = those.map((one) => [
    one.name,
    one.scopes.join(','),
    shownTime(one.createdMs),
    one.expiresMs === undefined ? 'never' : shownTime(one.expiresMs),
    one.usedMs === undefined ? 'never' : shownTime(one.usedMs),
  ])
  io.out(table([['name', 'scope', 'made', 'expires', 'last used'], ...rows], ''))
  return EX.ok
}
