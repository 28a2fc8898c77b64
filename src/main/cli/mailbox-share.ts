/** `postigo mailbox list, create, delete, rename, acl, seen`: shared mailboxes, which belong to nobody, and who may do what with any mailbox. RFC 4314. */
import { type Rights, type RightsChange, parseRights, printRights } from '../../formats/imap/mod.ts'
import { AccountError, type AccountId, accountName } from '../../mail/accounts/mod.ts'
import {
  ANYONE,
  AUTHENTICATED,
  type Grant,
  type Refusal,
  SHARED_ACCOUNT,
  SHARED_SEEN_ENTRY,
} from '../../mail/store/mod.ts'
import { type OpenedStore, type OpenStore, parseWords, UsageError, withAccounts } from './accounts-port.ts'
import { type CliIo, type Command, EX } from './io.ts'

const USAGE = `usage: postigo mailbox list [--user ADDRESS] [--json]
       postigo mailbox create | delete NAME [--user ADDRESS]
       postigo mailbox rename NAME NEWNAME [--user ADDRESS]
       postigo mailbox acl NAME [--user ADDRESS] [--json]
       postigo mailbox acl NAME WHO RIGHTS [--deny] [--user ADDRESS]
       postigo mailbox seen NAME shared | private [--user ADDRESS]

  NAME            as its users see it, without the prefix (imapd_shared_prefix); / is between levels
  --user ADDRESS  a mailbox of this account; else a shared mailbox, which belongs to nobody
  WHO             an account, or anyone
  RIGHTS          letters of lrswipkxtea (RFC 4314) or one of these; +RIGHTS adds some
                    none   out of the list     read    lrs          append  lrsip
                    write  lrswipkxte          all     lrswipkxtea
  --deny          what WHO is denied, whoever else grants it
  --json          for programs
  -c DIR          configuration directory

seen says whether those who read the mailbox share one mark of what was read, or have each their own, as at first.
Changes hold at once, in a running server too.
`

const OPTIONS = {
  config: { type: 'string', short: 'c' },
  user: { type: 'string' },
  deny: { type: 'boolean' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

const NAMED: Readonly<Record<string, Rights>> = {
  none: '',
  read: 'lrs',
  append: 'lrsip',
  write: 'lrswipkxte',
  all: 'lrswipkxtea',
}

interface Given {
  readonly io: CliIo
  readonly opened: OpenedStore
  readonly account: AccountId
  /** Behind the subcommand. */
  readonly words: readonly string[]
  readonly deny: boolean
  readonly json: boolean
}

interface Row {
  /** How many words it takes. */
  readonly takes: readonly number[]
  readonly options: readonly string[]
  readonly run: (given: Given) => Promise<undefined | Refusal> | undefined
}

const SUBCOMMANDS = new Map<string, Row>([
  ['list', { takes: [0], options: ['json'], run: list }],
  ['create', { takes: [1], options: [], run: create }],
  [
    'delete',
    { takes: [1], options: [], run: ({ opened, account, words }) => opened.store.deleteMailbox(account, words[0]!) },
  ],
  ['rename', { takes: [2], options: [], run: rename }],
  [
    'acl',
    {
      takes: [1, 3],
      options: ['json', 'deny'],
      run: (given) => (given.words.length === 1 ? show(given) : grant(given)),
    },
  ],
  ['seen', { takes: [2], options: [], run: seen }],
])

/** The command, over the store that `open` opens. */
export function mailboxShare(open: OpenStore): Command {
  return async (argv, io) => {
    try {
      const { values, words } = parseWords(argv, OPTIONS)
      if (values.help === true) {
        io.out(USAGE)
        return EX.ok
      }
      const [name = '', ...rest] = words
      const row = SUBCOMMANDS.get(name)
      if (!row) throw new UsageError(name === '' ? 'which subcommand?' : `unknown subcommand: ${name}`)
      if (!row.takes.includes(rest.length)) throw new UsageError(`${name} takes ${row.takes.join(' or ')} words`)
      const stray = Object.keys(values).find((one) => !['config', 'user', ...row.options].includes(one))
      if (stray !== undefined) throw new UsageError(`${name} has no option --${stray}`)
      const flags = { deny: values.deny === true, json: values.json === true }
      return await withAccounts('postigo mailbox', io, open, values.config, async (opened) => {
        const account = values.user === undefined ? SHARED_ACCOUNT : existing(opened, values.user)
        return refused(io, await row.run({ io, opened, account, words: rest, ...flags }))
      })
    } catch (error) {
      if (!(error instanceof UsageError)) throw error
      io.err(`postigo mailbox: ${error.message}\n${USAGE}`)
      return EX.usage
    }
  }
}

function refused(io: CliIo, refusal: Refusal | undefined): number {
  if (refusal === undefined) return EX.ok
  io.err(`postigo mailbox: ${refusal.text}\n`)
  return refusal.refused === 'NONEXISTENT' ? EX.noInput : EX.cantCreat
}

function existing({ accounts }: OpenedStore, address: string): AccountId {
  const account = accounts.find(address)
  if (!account) throw new AccountError('no-such-account', `there is no account ${address}`)
  return account.id
}

async function create({ opened: { store }, account, words: [name = ''] }: Given): Promise<undefined | Refusal> {
  const made = await store.createMailbox(account, name)
  return 'refused' in made ? made : undefined
}

function rename({ opened: { store }, account, words: [name = '', to = ''] }: Given): Promise<undefined | Refusal> {
  return store.renameMailbox(account, name, to)
}

function list({ io, opened, account, json }: Given): undefined {
  const rows = opened.store.mailboxes(account).map(({ name }) => ({ name, acl: listed(opened, account, name) }))
  if (json) io.out(`${JSON.stringify(rows)}\n`)
  else for (const { name, acl } of rows) io.out(`${name}  ${acl.map((one) => `${one.who} ${one.rights}`).join(', ')}\n`)
}

function show({ io, opened, account, words: [name = ''], json }: Given): Promise<undefined | Refusal> {
  if (opened.store.grants(account, name) === undefined)
    return Promise.resolve({ refused: 'NONEXISTENT', text: `there is no mailbox ${name}` })
  const acl = listed(opened, account, name)
  if (json) io.out(`${JSON.stringify(acl)}\n`)
  else for (const { who, rights } of acl) io.out(`${who}  ${rights}\n`)
  return Promise.resolve(undefined)
}

function listed({ store, accounts }: OpenedStore, account: AccountId, name: string): { who: string; rights: string }[] {
  return (store.grants(account, name) ?? []).map(({ grantee, negative, rights }) => {
    const known = accounts.byId(grantee)
    const who =
      grantee === ANYONE ? 'anyone' : grantee === AUTHENTICATED ? 'authenticated' : known && accountName(known)
    return { who: `${negative ? '-' : ''}${who ?? `#${grantee}`}`, rights: printRights(rights) }
  })
}

function grant({
  opened,
  account,
  words: [name = '', who = '', rights = ''],
  deny,
}: Given): Promise<undefined | Refusal> {
  const whom: Pick<Grant, 'grantee' | 'negative'> = { grantee: granteeOf(opened, who), negative: deny }
  return opened.store.changeGrant(account, name, whom, rights === 'none' ? undefined : changeOf(rights))
}

function granteeOf(opened: OpenedStore, who: string): number {
  if (who === 'anyone') return ANYONE
  return who === 'authenticated' ? AUTHENTICATED : existing(opened, who)
}

function changeOf(text: string): RightsChange {
  const adds = text.startsWith('+')
  const named = adds ? text.slice(1) : text
  const rights = NAMED[named] ?? parseRights(named) // `read` is made of letters of rights, `a` among them
  if (rights === undefined || rights === '') throw new UsageError(`${text}: no rights`)
  return { operation: adds ? 'add' : 'set', rights }
}

async function seen({ opened, account, words: [name = '', how = ''] }: Given): Promise<undefined | Refusal> {
  if (how !== 'shared' && how !== 'private') throw new UsageError('seen is shared or private')
  const change = { entry: SHARED_SEEN_ENTRY, value: Buffer.from(how === 'shared' ? 'true' : 'false') }
  const done = await opened.store.setAnnotations(account, name, [change])
  return 'refused' in done ? done : undefined
}
