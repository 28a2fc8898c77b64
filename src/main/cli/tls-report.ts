/** `postigo tls-report`: how TLS to other servers went on a day, as it was counted for reports. */
import { resolve } from 'node:path'
import { deliveryParams, type TlsCount } from '../../mail/delivery/mod.ts'
import { parseWords, UsageError } from './accounts-port.ts'
import { commandFailure } from './command-failure.ts'
import { NoData, openData } from './data-access.ts'
import { type Command, configDirectory, EX } from './io.ts'
import { table } from './table.ts'

const USAGE = `usage: postigo tls-report [YYYY-MM-DD] [--domain NAME] [--json]

How TLS to other servers went on a day (UTC; today where none is named), by domain and outcome. Counted where
smtp_tlsrpt_enable = yes; sent to the domains that ask for it where tls_report_sender is set, and gone then.
  --json   for programs
  -c DIR   configuration directory
`

const OPTIONS = {
  config: { type: 'string', short: 'c' },
  domain: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

const DAY_MS = 86_400_000

export const tlsReport: Command = async (argv, io) => {
  try {
    const { values, words } = parseWords(argv, OPTIONS)
    if (values.help === true) {
      io.out(USAGE)
      return EX.ok
    }
    const [date, ...more] = words
    const ms = date === undefined ? Date.now() : Date.parse(`${date}T00:00:00Z`)
    if (more.length > 0 || Number.isNaN(ms)) throw new UsageError('one day, as 2026-01-31?')
    const data = await openData(resolve(io.cwd, configDirectory(values.config, io)))
    try {
      const domain = values.domain === undefined ? {} : { domain: values.domain.toLowerCase() }
      const answer = await data.ask({ command: 'tls-report', day: Math.floor(ms / DAY_MS), ...domain })
      if (!answer.ok) throw new NoData(answer.error)
      const rows = answer['rows'] as TlsCount[] // tls-report-control.ts says this
      const isCounted = data.config.bind(deliveryParams).smtp_tlsrpt_enable
      if (values.json === true) io.out(`${JSON.stringify(rows, undefined, 2)}\n`)
      else if (rows.length > 0) io.out(table(rows.map(columns)))
      else io.out(isCounted ? 'nothing was counted\n' : 'nothing is counted (smtp_tlsrpt_enable = no)\n')
      return EX.ok
    } finally {
      await data.close()
    }
  } catch (error) {
    return commandFailure('tls-report', USAGE, error, io)
  }
}

function columns({ domain, policy, failure, at, sessions }: TlsCount): string[] {
  const where = at.mxHost === '' ? '' : `${at.mxHost}[${at.receivingIp}]`
  return [domain, policy.type, String(sessions), failure === '' ? 'ok' : failure, where, at.reason]
}
