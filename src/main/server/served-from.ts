/** Which domains are served from where: what of main.cf decides, in the order of local(8), as docs/local-delivery.md has it. */
import { type Config, splitList } from '../../io/config/mod.ts'

/** One line a class of domains. */
export function servedFrom(config: Config): string[] {
  const value = (name: string): string => config.value(name) ?? ''
  const lines: string[] = []
  const add = (parameter: string, where: string): void => {
    const domains = splitList(value(parameter))
    if (domains.length > 0) lines.push(`${shown(domains)}: ${where}`)
  }
  add('mydestination', localPlace(config))
  add('virtual_mailbox_domains', virtualPlace(config))
  add('virtual_alias_domains', 'aliases (virtual_alias_maps)')
  add('relay_domains', `sent on by ${value('relay_transport')}`)
  return lines
}

/** Domains named in a line. */
const NAMED = 4

function shown(domains: readonly string[]): string {
  const more = domains.length - NAMED
  return domains.slice(0, NAMED).join(', ') + (more > 0 ? ` and ${more} more` : '')
}

const NOT_SHOWN = 'not shown by IMAP and POP3'

function localPlace(config: Config): string {
  const value = (name: string): string => config.value(name) ?? ''
  const transport = value('local_transport')
  if (!/^local(?::|$)/.test(transport)) return `${transport} (local_transport); ${NOT_SHOWN}`
  const first = (maps: string, plain: string): string | undefined => [plain, maps].find((name) => value(name) !== '')
  const other = first('mailbox_transport_maps', 'mailbox_transport')
  if (other === 'mailbox_transport') return `${value(other)} (mailbox_transport); ${NOT_SHOWN}`
  const some = other === undefined ? '' : `for some ${value(other)} (${other}); else `
  const command = first('mailbox_command_maps', 'mailbox_command')
  if (command === 'mailbox_command')
    return `${some}users' commands (mailbox_command), and what they file is in the store`
  const few = command === undefined ? some : `${some}for some commands (${command}); else `
  const home = value('home_mailbox')
  if (home !== '') return `${few}~/${home} of users (home_mailbox), ${NOT_SHOWN}; accounts that are no users: the store`
  const spool = config.raw('mail_spool_directory') ?? ''
  if (spool !== '')
    return `${few}${value('mail_spool_directory')} (mail_spool_directory), ${NOT_SHOWN}; accounts that are no users: the store`
  const copy = config.value('mail_spool_copy') === 'yes' ? `, with a copy in ${value('mail_spool_directory')}` : ''
  return `${few}the store${copy}`
}

function virtualPlace(config: Config): string {
  const transport = config.value('virtual_transport') ?? ''
  if (!/^virtual(?::|$)/.test(transport)) return `${transport} (virtual_transport); ${NOT_SHOWN}`
  const base = config.value('virtual_mailbox_base') ?? ''
  const isFiles = (config.value('virtual_mailbox_maps') ?? '') !== '' && (config.value('virtual_uid_maps') ?? '') !== ''
  const files = `files${base === '' ? '' : ` below ${base}`} (virtual_mailbox_maps), ${NOT_SHOWN}`
  return isFiles ? `accounts: the store; other addresses: ${files}` : 'the store'
}
