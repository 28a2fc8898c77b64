/** `postigo account import`: users of other servers become accounts with the passwords they have. */
import { printable } from '#src/base/mod.ts'
import { AccountError, type ForeignHash } from '../../mail/accounts/mod.ts'
import { createAccount, type OpenedAccounts } from './accounts-port.ts'
import { type ImportedUser, ImportError, readUsers, type SourceOptions } from './import-sources.ts'
import { EX, type CliIo } from './io.ts'
import { Progress } from './mailbox-import-report.ts'

export interface ImportOptions extends SourceOptions {
  /** The realm whose users are accounts of this host: saslpasswd2 took the machine's name for one. */
  readonly hostRealm: string | undefined
  /** Nothing is changed; what would become of each user is told. */
  readonly dryRun: boolean
  /** Passwords that accounts have are replaced. */
  readonly replace: boolean
}

/** What became of a user, and a word more of it. */
type Outcome = 'added' | 'password set' | 'kept' | 'left out' | 'failed'

/** Says of each user what became of it, and how many at the end. Run again, it finds that all is done. */
export async function importUsers(io: CliIo, opened: OpenedAccounts, options: ImportOptions): Promise<number> {
  let users: readonly ImportedUser[]
  try {
    users = await readUsers(options)
  } catch (error) {
    if (!(error instanceof ImportError)) throw error
    io.err(`postigo account: ${error.message}\n`)
    return EX.noInput
  }
  const counts = new Map<Outcome, number>()
  let hashed = 0
  const progress = new Progress(io)
  const lines: CliIo = {
    ...io,
    out(text) {
      progress.clear()
      io.out(text)
    },
    err(text) {
      progress.clear()
      io.err(text)
    },
  }
  for (const [i, user] of users.entries()) {
    progress.show('users', i, users.length) // a password that is known takes its verifiers' time
    const outcome = await importUser(lines, opened, options, user)
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1)
    if (user.password.kind === 'hash' && (outcome === 'added' || outcome === 'password set')) hashed++
  }
  lines.out(summary(users.length, counts, hashed, options.dryRun))
  return (counts.get('failed') ?? 0) === 0 ? EX.ok : EX.dataErr
}

function summary(total: number, counts: ReadonlyMap<Outcome, number>, hashed: number, dryRun: boolean): string {
  const parts = [...counts].map(([outcome, count]) => `${count} ${outcome}`)
  const text = `${total} users${parts.length === 0 ? '' : `: ${parts.join(', ')}`}`
  const hashes = hashed === 0 ? '' : `; ${hashed} hashed passwords get their own verifiers at the next plain log-in`
  return `${dryRun ? 'dry run: nothing was changed: ' : ''}${text}${hashes}\n`
}

async function importUser(
  io: CliIo,
  opened: OpenedAccounts,
  options: ImportOptions,
  { name, password }: ImportedUser,
): Promise<Outcome> {
  const say = (outcome: Outcome, more = ''): Outcome => {
    io.out(printable(`${name}: ${outcome}${more}`) + '\n')
    return outcome
  }
  const fail = (why: string): Outcome => {
    io.err(printable(`postigo account: ${name}: ${why}`) + '\n')
    return 'failed'
  }
  if (password.kind === 'locked') return say('left out', ': nobody can log in as it')
  if (password.kind === 'unknown') return fail(password.why)
  const secret = password.kind === 'plain' ? password.password : { text: password.text, name }
  try {
    const [outcome, more] = await take(opened, addressOf(name, options.hostRealm), secret, options)
    return say(outcome, more)
  } catch (error) {
    if (!(error instanceof AccountError)) throw error
    return fail(error.message)
  }
}

function addressOf(name: string, hostRealm: string | undefined): string {
  const at = name.lastIndexOf('@')
  return at >= 0 && name.slice(at + 1) === hostRealm ? name.slice(0, at) : name
}

async function take(
  opened: OpenedAccounts,
  address: string,
  secret: string | ForeignHash,
  { dryRun, replace }: ImportOptions,
): Promise<readonly [Outcome, string]> {
  const { accounts } = opened
  const place = accounts.place(address)
  const account = accounts.find(address)
  if (!account) {
    if (!dryRun) await createAccount(opened, place, secret, { realmOnly: true })
    const getsMail = place.domain === '' || accounts.hostsDomain(place.domain)
    return ['added', getsMail ? '' : ` to log in only (--realm ${place.domain} makes it an account of this host)`]
  }
  if (!replace && accounts.withPassword().some(({ id }) => id === account.id))
    return ['kept', ': it has a password already']
  if (!dryRun) await accounts.setPassword(account.id, secret)
  return ['password set', '']
}
