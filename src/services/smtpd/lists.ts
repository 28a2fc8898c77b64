/** The lists of clients and the tables that a listener's settings name, opened once. */
import { publish } from '../../base/mod.ts'
import { type Maps, type Table, TableError } from '../../io/tables/mod.ts'
import type { SmtpdDeps } from './deps.ts'
import type { SmtpdEvent } from './events.ts'

interface Named {
  readonly name: string
  readonly address: string
}

/** Whether a client is one of a list. */
export type ClientMatch = (client: Named) => Promise<boolean>

export interface Lists {
  readonly verp: ClientMatch
  readonly saslExceptions: ClientMatch
  readonly xclient: ClientMatch
  readonly xforward: ClientMatch
  readonly bareNewlineExclusions: ClientMatch
  readonly eventLimitExceptions: ClientMatch
  readonly discardedKeywords: Maps | undefined
  readonly commandFilter: Table | undefined
  /** smtpd_forbidden_commands: the verb is one of them, or a table knows the line. */
  readonly forbids: (verb: string, line: string) => Promise<boolean>
  /** smtpd_reject_footer_maps. */
  readonly footers: Maps | undefined
  /** smtpd_sasl_mechanism_filter lets it through. */
  readonly offersMechanism: (mechanism: string) => Promise<boolean>
  /** smtpd_noop_commands, in capitals. */
  readonly noopCommands: ReadonlySet<string>
}

type ListParameter =
  | 'smtpd_authorized_verp_clients'
  | 'smtpd_sasl_exceptions_networks'
  | 'smtpd_authorized_xclient_hosts'
  | 'smtpd_authorized_xforward_hosts'
  | 'smtpd_forbid_bare_newline_exclusions'
  | 'smtpd_client_event_limit_exceptions'

export function openLists({ cf, tables }: SmtpdDeps): Lists {
  const clients = (parameter: ListParameter): ClientMatch => {
    if (cf[parameter].length === 0) return () => Promise.resolve(false)
    const match = tables.matchAddress(cf[parameter].join(' '), { parameter })
    return async (client) => {
      try {
        return (await match(client)) !== undefined
      } catch (error) {
        // As in Postfix: such a list gives rights and exceptions, and nobody has them while it cannot be asked.
        if (!(error instanceof TableError)) throw error
        const { name: clientName, address: clientAddress } = client
        const text = `${parameter}: ${error.message}`
        publish<SmtpdEvent>({ event: 'smtpd.warning', text, syslogName: cf.syslog_name, clientName, clientAddress })
        return false
      }
    }
  }
  const { smtpd_discard_ehlo_keyword_address_maps: discard, smtpd_command_filter: filter } = cf
  const mechanisms = tables.matchDomain(cf.smtpd_sasl_mechanism_filter.join(' '), {
    parentDomains: false,
    parameter: 'smtpd_sasl_mechanism_filter',
  })
  return {
    verp: clients('smtpd_authorized_verp_clients'),
    saslExceptions: clients('smtpd_sasl_exceptions_networks'),
    xclient: clients('smtpd_authorized_xclient_hosts'),
    xforward: clients('smtpd_authorized_xforward_hosts'),
    bareNewlineExclusions: clients('smtpd_forbid_bare_newline_exclusions'),
    eventLimitExceptions: clients('smtpd_client_event_limit_exceptions'),
    discardedKeywords: discard === '' ? undefined : tables.maps(discard),
    commandFilter: filter === '' ? undefined : tables.open(filter),
    forbids: forbidden(cf.smtpd_forbidden_commands, tables),
    footers: cf.smtpd_reject_footer_maps === '' ? undefined : tables.maps(cf.smtpd_reject_footer_maps),
    offersMechanism: async (mechanism) => (await mechanisms(mechanism)) !== undefined,
    noopCommands: new Set(cf.smtpd_noop_commands.map((word) => word.toUpperCase())),
  }
}

function forbidden(words: readonly string[], tables: SmtpdDeps['tables']): Lists['forbids'] {
  const isTable = (word: string): boolean => /^[a-z]+:/.test(word)
  const verbs = new Set(words.filter((word) => !isTable(word)).map((word) => word.toUpperCase()))
  const patterns = words.filter(isTable).map((word) => tables.open(word))
  return async (verb, line) => {
    if (verbs.has(verb)) return true
    for (const table of patterns) if ((await table.get(line)) !== undefined) return true
    return false
  }
}
