/** `postigo bans`: networks that may not log in for a while. */
import { AccountError } from '../../mail/accounts/mod.ts'
import { type Bans, parseNetwork, printNetwork } from '../../mail/logins/mod.ts'
import { shownTime, takeSpan } from './account-words.ts'
import { type OpenedAccounts, parseWords, UsageError, withAccounts } from './accounts-port.ts'
import { type CliIo, type Command, EX } from './io.ts'
import { table } from './table.ts'

const USAGE = `usage: postigo bans [list] [--json]
       postigo bans add NETWORK [--for TIME] [--reason TEXT]
       postigo bans remove NETWORK

  NETWORK      192.0.2.7, 192.0.2.0/24, 2001:db8:1:2::/64
  --for TIME   30m, 12h, 7d, 4w; without it, until it is removed
  --json       for programs
  -c DIR       configuration directory

A network that is banned is turned away by the services with passwords: SMTP with AUTH, IMAP, POP3. Whoever logs in wrongly
too often is banned by itself: login_failure_limit, login_ban_time; login_ban_exceptions never are. A running server
follows at once.
`

const OPTIONS = {
  config: { type: 'string', short: 'c' },
  for: { type: 'string' },
  reason: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

const REASON_MAX = 200
/** Without an end of its own. */
const FOR_EVER = Date.UTC(9999, 0, 1)

export interface OpenedBans extends OpenedAccounts {
  readonly bans: Pick<Bans, 'list' | 'add' | 'remove'>
}

export function bansCommand(open: (directory: string) => Promise<OpenedBans>, now: () => number = Date.now): Command {
  return async (argv, io) => {
    try {
      const { values, words } = parseWords(argv, OPTIONS)
      if (values.help === true) {
        io.out(USAGE)
        return EX.ok
      }
      const [what = 'list', text = '', ...more] = words
      if (!['list', 'add', 'remove'].includes(what)) throw new UsageError(`unknown subcommand: ${what}`)
      if (more.length > 0 || (what === 'list') !== (text === ''))
        throw new UsageError(what === 'list' ? 'list takes nothing' : `${what} takes one network`)
      if (what !== 'add' && (values.for !== undefined || values.reason !== undefined))
        throw new UsageError(`${what} has neither --for nor --reason`)
      const network = what === 'list' ? '' : takeNetwork(text)
      const untilMs = values.for === undefined ? FOR_EVER : now() + takeSpan('--for', values.for)
      return await withAccounts('postigo bans', io, open, values.config, async ({ bans }) => {
        if (what === 'list') return list(io, bans, values.json === true)
        if (what === 'remove') return remove(bans, network)
        await bans.add(network, untilMs, (values.reason ?? '').replaceAll(/\p{Cc}/gu, ' ').slice(0, REASON_MAX))
        return EX.ok
      })
    } catch (error) {
      if (!(error instanceof UsageError)) throw error
      io.err(`postigo bans: ${error.message}\n${USAGE}`)
      return EX.usage
    }
  }
}

function takeNetwork(text: string): string {
  const network = parseNetwork(text)
  if (network === undefined) throw new UsageError(`${text} is neither an address nor a network`)
  return printNetwork(network)
}

async function remove(bans: OpenedBans['bans'], network: string): Promise<number> {
  if (!(await bans.remove(network))) throw new AccountError('no-such-account', `${network} is not banned`)
  return EX.ok
}

function list(io: CliIo, bans: OpenedBans['bans'], json: boolean): number {
  const all = bans.list()
  if (json) io.out(`${JSON.stringify(all, undefined, 2)}\n`)
  else if (all.length > 0) {
    const rows = all.map(({ network, untilMs, sinceMs, byHand, reason }) => [
      network,
      shownTime(sinceMs),
      untilMs >= FOR_EVER ? 'removed' : shownTime(untilMs),
      byHand ? `by hand${reason === '' ? '' : `: ${reason}`}` : reason,
    ])
    io.out(table([['network', 'since', 'until', 'why'], ...rows], ''))
  }
  return EX.ok
}
