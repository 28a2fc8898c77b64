/** `postigo account`: who has a mailbox here. */
import { AccountError, type Account, type AccountQuota } from '../../mail/accounts/mod.ts'
import { sendingOwner } from '../../mail/policy/mod.ts'
import { appPasswordCommand } from './account-app-password.ts'
import { importUsers } from './account-import.ts'
import { logInsCommand } from './account-log-ins.ts'
import { releaseCommand, sendingCommand } from './account-sending.ts'
import { totpCommand } from './account-totp.ts'
import { existing } from './account-words.ts'
import {
  createAccount,
  parseWords,
  UsageError,
  withAccounts,
  type OpenAccounts,
  type OpenedAccounts,
} from './accounts-port.ts'
import { FORMATS } from './import-sources.ts'
import { EX, type CliIo, type Command } from './io.ts'
import { askNewPassword } from './password-prompt.ts'

const USAGE = `usage: postigo account add ADDRESS [-p] [--quota SIZE]
       postigo account list [--json]
       postigo account passwd ADDRESS [-p]
       postigo account quota ADDRESS [--quota SIZE] [--messages N] [--mailboxes N]
       postigo account disable | enable | delete ADDRESS
       postigo account app-password add | list | remove ACCOUNT …
       postigo account totp ACCOUNT on | off
       postigo account log-ins ACCOUNT [--failed] [--limit N] [--json]
       postigo account sending | release ACCOUNT
       postigo account import SOURCE [--format FORMAT] [--scheme SCHEME] [--realm REALM] [--replace] [--dry-run]

  ADDRESS       user, or user@domain; in a domain of mydestination it is an account of this host
  -c DIR        configuration directory
  -p            the password is the first line of standard input; else it is asked twice
  --quota SIZE  octets it may store, with k, M or G; 0 is no limit of its own
  --messages N, --mailboxes N   how many it may have; 0 is no limit of its own. quota shows what holds when none is given
  --json        for programs
  import takes the users of SOURCE with the passwords they have, and tells what became of each:
  SOURCE        a file, or pgsql:FILE.cf, mysql:FILE.cf, sqlite:FILE.cf with a query of two columns, user and password
  --format      sasldb2 (Cyrus SASL), passwd-file (Dovecot), shadow, sql; else it is told from the source
  --scheme      Dovecot's scheme of passwords that name none; CRYPT by default
  --realm REALM users of REALM are accounts of this host
  --replace     passwords that accounts have already are replaced; else they are kept
  --dry-run     nothing is changed

Changes take effect at once, a running server included. delete removes the mail too.
`

const OPTIONS = {
  config: { type: 'string', short: 'c' },
  pipe: { type: 'boolean', short: 'p' },
  quota: { type: 'string' },
  messages: { type: 'string' },
  mailboxes: { type: 'string' },
  json: { type: 'boolean' },
  realm: { type: 'string' },
  format: { type: 'string' },
  scheme: { type: 'string' },
  replace: { type: 'boolean' },
  'dry-run': { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

interface Given {
  readonly io: CliIo
  readonly opened: OpenedAccounts
  /** The one word behind the subcommand: an address, or a file. */
  readonly word: string
  readonly fromInput: boolean
  readonly json: boolean
  readonly quota: Partial<AccountQuota>
  readonly realm: string | undefined
  readonly format: string | undefined
  readonly scheme: string | undefined
  readonly replace: boolean
  readonly dryRun: boolean
}

/** What a subcommand takes besides -c, and what it does. */
interface Row {
  readonly takes: 'address' | 'file' | 'nothing'
  readonly options: readonly string[]
  readonly run: (given: Given) => Promise<number>
}

const SUBCOMMANDS = new Map<string, Row>([
  ['add', { takes: 'address', options: ['pipe', 'quota'], run: add }],
  ['list', { takes: 'nothing', options: ['json'], run: list }],
  ['passwd', { takes: 'address', options: ['pipe'], run: passwd }],
  ['quota', { takes: 'address', options: ['quota', 'messages', 'mailboxes'], run: quota }],
  ['disable', { takes: 'address', options: [], run: (given) => setDisabled(given, true) }],
  ['enable', { takes: 'address', options: [], run: (given) => setDisabled(given, false) }],
  ['delete', { takes: 'address', options: [], run: remove }],
  ['import', { takes: 'file', options: ['realm', 'format', 'scheme', 'replace', 'dry-run'], run: importFile }],
])

/** Subcommands with words of their own. */
const WITH_WORDS = new Map<string, (open: OpenAccounts) => Command>([
  ['app-password', appPasswordCommand],
  ['totp', totpCommand],
  ['log-ins', logInsCommand],
  ['sending', sendingCommand],
  ['release', releaseCommand],
])

/** Nothing but `-c DIR` stands before it. */
function isFirstWord(argv: readonly string[], at: number): boolean {
  const before = argv.slice(0, at)
  return (
    before.length === 0 ||
    (before.length === 2 && before[0] === '-c') ||
    (before.length === 1 && /^(-c.|--config=)/.test(before[0] ?? ''))
  )
}

/** The command, over the accounts that `open` opens. */
export function accountCommand(open: OpenAccounts): Command {
  return async (argv, io) => {
    const at = argv.findIndex((word) => WITH_WORDS.has(word))
    const own = WITH_WORDS.get(argv[at] ?? '')
    if (own !== undefined && isFirstWord(argv, at)) return own(open)(argv.toSpliced(at, 1), io)
    try {
      const { values, words } = parseWords(argv, OPTIONS)
      if (values.help === true) {
        io.out(USAGE)
        return EX.ok
      }
      const [name = '', word = '', ...more] = words
      const row = SUBCOMMANDS.get(name)
      if (!row) throw new UsageError(name === '' ? 'which subcommand?' : `unknown subcommand: ${name}`)
      if (more.length > 0 || (row.takes === 'nothing') !== (word === ''))
        throw new UsageError(row.takes === 'nothing' ? `${name} takes nothing` : `${name} takes one ${row.takes}`)
      const stray = Object.keys(values).find((option) => option !== 'config' && !row.options.includes(option))
      if (stray !== undefined) throw new UsageError(`${name} has no option ${stray === 'pipe' ? '-p' : `--${stray}`}`)
      const given = {
        io,
        word,
        quota: takeQuota(values),
        fromInput: values.pipe === true,
        json: values.json === true,
        realm: values.realm,
        format: values.format,
        scheme: values.scheme,
        replace: values.replace === true,
        dryRun: values['dry-run'] === true,
      }
      return await withAccounts('postigo account', io, open, values.config, (opened) => row.run({ ...given, opened }))
    } catch (error) {
      if (!(error instanceof UsageError)) throw error
      io.err(`postigo account: ${error.message}\n${USAGE}`)
      return EX.usage
    }
  }
}

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }

function takeSize(text: string): number {
  const [, digits, unit = ''] = /^([0-9]{1,15})([kmg]?)$/i.exec(text) ?? []
  const octets = Number(digits) * (UNITS[unit.toLowerCase()] ?? Number.NaN)
  if (!Number.isSafeInteger(octets)) throw new UsageError(`--quota ${text}: a size is a number with k, M or G`)
  return octets
}

function takeQuota(
  values: Readonly<Partial<Record<'quota' | 'messages' | 'mailboxes', string>>>,
): Partial<AccountQuota> {
  const { quota: octets, messages, mailboxes } = values
  return {
    ...(octets !== undefined && { quotaOctets: takeSize(octets) }),
    ...(messages !== undefined && { quotaMessages: takeCount('messages', messages) }),
    ...(mailboxes !== undefined && { quotaMailboxes: takeCount('mailboxes', mailboxes) }),
  }
}

function takeCount(option: string, text: string): number {
  if (!/^[0-9]{1,10}$/.test(text)) throw new UsageError(`--${option} ${text}: a number`)
  return Number(text)
}

/** Its own limits, changed where some are given. */
async function quota({ io, opened, word: address, quota: wanted }: Given): Promise<number> {
  const { id } = existing(opened, address)
  if (Object.keys(wanted).length > 0) await opened.accounts.setQuota(id, wanted)
  const account = existing(opened, address)
  const text = (limit: number): string => (limit === 0 ? 'none of its own' : String(limit))
  io.out(
    `octets ${text(account.quotaOctets)}, messages ${text(account.quotaMessages)}, mailboxes ${text(account.quotaMailboxes)}\n`,
  )
  return EX.ok
}

async function add({ io, opened, word: address, fromInput, quota: { quotaOctets = 0 } }: Given): Promise<number> {
  const place = opened.accounts.place(address)
  // Told before a password is typed in vain; add() decides.
  if (opened.accounts.find(address)) throw new AccountError('exists', `account ${address} exists already`)
  await createAccount(opened, place, await askNewPassword(io, { fromInput }), { quotaOctets })
  io.out(`account ${place.domain === '' ? place.localPart : `${place.localPart}@${place.domain}`} added\n`)
  return EX.ok
}

async function passwd({ io, opened, word: address, fromInput }: Given): Promise<number> {
  const account = existing(opened, address)
  await opened.accounts.setPassword(account.id, await askNewPassword(io, { fromInput }))
  return EX.ok
}

async function setDisabled({ opened, word: address }: Given, disabled: boolean): Promise<number> {
  await opened.accounts.setDisabled(existing(opened, address).id, disabled)
  return EX.ok
}

async function remove({ opened, word: address }: Given): Promise<number> {
  const account = existing(opened, address)
  // The account first: from then on nobody logs in and no mail arrives.
  await opened.accounts.remove(account.id)
  await opened.onRemoved(account.id)
  await opened.sending.forget(sendingOwner(account.id, ''))
  return EX.ok
}

function importFile({ io, opened, word, realm, format, scheme, replace, dryRun }: Given): Promise<number> {
  const known = FORMATS.find((name) => name === format)
  if (format !== undefined && known === undefined)
    throw new UsageError(`--format ${format}: one of ${FORMATS.join(', ')}`)
  const options = { source: word, format: known, scheme, directory: io.cwd, hostRealm: realm, replace, dryRun }
  return importUsers(io, opened, options)
}

async function list({ io, opened: { accounts }, json }: Given): Promise<number> {
  const having = new Set(accounts.withPassword().map(({ id }) => id))
  const rows = accounts.list().map((account) => ({
    address: `${account.localPart}@${account.realm}`,
    localPart: account.localPart,
    domain: account.domain,
    state: stateOf(account, having.has(account.id)),
    getsMail: account.domain === '' || accounts.hostsDomain(account.domain),
    quotaOctets: account.quotaOctets,
  }))
  if (json) io.out(`${JSON.stringify(rows, undefined, 2)}\n`)
  else io.out(table(rows.map((row) => [row.address, placeOf(row), row.state, quotaText(row.quotaOctets)])))
  return EX.ok
}

function stateOf({ disabled }: Account, hasPassword: boolean): string {
  if (disabled) return 'disabled'
  return hasPassword ? 'enabled' : 'no password'
}

function placeOf({ domain, getsMail }: { readonly domain: string; readonly getsMail: boolean }): string {
  if (domain === '') return 'this host'
  return getsMail ? 'hosted domain' : 'log-in only'
}

function quotaText(octets: number): string {
  return octets === 0 ? 'no quota' : `quota ${octets}`
}

/** Columns as wide as their widest cell. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length))) ?? []
  const line = (row: readonly string[]): string => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')
  return rows.map((row) => `${line(row).trimEnd()}\n`).join('')
}
