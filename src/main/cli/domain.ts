/** `postigo domain`: domains whose addresses have accounts of their own, besides mydestination. */
import { parseWords, UsageError, withAccounts, type OpenAccounts } from './accounts-port.ts'
import { EX, type Command } from './io.ts'

const USAGE = `usage: postigo domain add | remove DOMAIN
       postigo domain list [--json]

  -c DIR   configuration directory

A domain of mydestination needs no adding: its mail is for the accounts of this host.
`

const OPTIONS = {
  config: { type: 'string', short: 'c' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

/** The command, over the accounts that `open` opens. */
export function domainCommand(open: OpenAccounts): Command {
  return async (argv, io) => {
    try {
      const { values, words } = parseWords(argv, OPTIONS)
      if (values.help === true) {
        io.out(USAGE)
        return EX.ok
      }
      const { name, domain } = checkWords(words, values.json === true)
      return await withAccounts('postigo domain', io, open, values.config, async ({ accounts }) => {
        if (name === 'add') await accounts.addDomain(domain)
        else if (name === 'remove') await accounts.removeDomain(domain)
        else if (values.json === true) io.out(`${JSON.stringify(accounts.domains())}\n`)
        else for (const one of accounts.domains()) io.out(`${one}\n`)
        return EX.ok
      })
    } catch (error) {
      if (!(error instanceof UsageError)) throw error
      io.err(`postigo domain: ${error.message}\n${USAGE}`)
      return EX.usage
    }
  }
}

function checkWords(words: readonly string[], json: boolean): { name: string; domain: string } {
  const [name = '', domain = '', ...more] = words
  if (!['add', 'list', 'remove'].includes(name))
    throw new UsageError(name === '' ? 'which subcommand?' : `unknown subcommand: ${name}`)
  if (more.length > 0 || (name === 'list') !== (domain === ''))
    throw new UsageError(name === 'list' ? 'list takes no domain' : `${name} takes one domain`)
  if (json && name !== 'list') throw new UsageError(`${name} has no option --json`)
  return { name, domain }
}
