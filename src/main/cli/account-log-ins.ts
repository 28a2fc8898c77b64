/** `postigo account log-ins`: who logged in, or tried to, and from where. */
import type { LogInRecord } from '../../mail/logins/mod.ts'
import { existing, shownTime } from './account-words.ts'
import { type OpenAccounts, parseWords, UsageError, withAccounts } from './accounts-port.ts'
import { type Command, EX } from './io.ts'
import { table } from './table.ts'

const SHOWN = 50

const USAGE = `usage: postigo account log-ins ACCOUNT [--failed] [--limit N] [--json]

  --failed   those that failed alone
  --limit N  so many at the most, the latest first; ${SHOWN} by default, 0 is all
  --json     for programs
  -c DIR     configuration directory

Log-ins of a day that are alike stand on one line, with the time of the last and how many there were. Kept for
login_record_lifetime; the last second may not be there yet.
`

const OPTIONS = {
  config: { type: 'string', short: 'c' },
  failed: { type: 'boolean' },
  limit: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

export function logInsCommand(open: OpenAccounts): Command {
  return async (argv, io) => {
    try {
      const { values, words } = parseWords(argv, OPTIONS)
      if (values.help === true) {
        io.out(USAGE)
        return EX.ok
      }
      const [address = '', ...more] = words
      if (address === '' || more.length > 0) throw new UsageError('log-ins takes an account')
      if (values.limit !== undefined && !/^\d{1,9}$/.test(values.limit)) throw new UsageError('--limit takes a number')
      const limit = Number(values.limit ?? SHOWN)
      return await withAccounts('postigo account log-ins', io, open, values.config, async (opened) => {
        const all = opened.ledger.list(existing(opened, address).id)
        const asked = values.failed === true ? all.filter(({ succeeded }) => !succeeded) : all
        const shown = limit === 0 ? asked : asked.slice(0, limit)
        if (values.json === true) io.out(`${JSON.stringify(shown, undefined, 2)}\n`)
        else if (shown.length > 0) io.out(table([HEAD, ...shown.map(rowOf)], ''))
        return EX.ok
      })
    } catch (error) {
      if (!(error instanceof UsageError)) throw error
      io.err(`postigo account log-ins: ${error.message}\n${USAGE}`)
      return EX.usage
    }
  }
}

const HEAD = ['last', 'times', '', 'from', 'service', 'mechanism', 'TLS', 'password'] as const

function rowOf({ lastMs, count, succeeded, address, service, mechanism, tls, password }: LogInRecord): string[] {
  return [
    shownTime(lastMs),
    String(count),
    succeeded ? 'in' : 'failed',
    address === '' ? 'this machine' : address,
    service,
    mechanism,
    tls === '' ? 'none' : tls,
    succeeded ? (password === '' ? 'own' : password) : '-',
  ]
}
