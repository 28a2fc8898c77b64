/**
 * What all parts of routing share: settings, opened tables, domain lists, and who has a mailbox.
 */
import { readFileSync } from 'node:fs'
import type { Config, Settings } from '../../io/config/mod.ts'
import type { Maps, Tables } from '../../io/tables/mod.ts'
import type { Account, Accounts } from '../accounts/mod.ts'
import type { Keys, NamedMaps } from './lookup.ts'
import { OwnAddresses } from './own-addresses.ts'
import { routingParams } from './params.ts'
import { standardForm } from './rewrite.ts'
import { literalAddress } from './syntax.ts'

export type RoutingSettings = Settings<typeof routingParams>

export interface RouterDeps {
  readonly config: Config
  readonly tables: Tables
  readonly accounts: Pick<Accounts, 'recipient' | 'hostsDomain'>
  /** The system's user of that name (passwd); for `unix:passwd.byname` and where mailbox_command applies. */
  readonly systemUser: (name: string) => SystemUser | undefined | Promise<SystemUser | undefined>
  /** The account that mail for a system user without one of its own goes to; undefined: delivery's local agent decides. */
  readonly accountForSystemUser: (name: string) => Account | undefined | Promise<Account | undefined>
  /** Whether a system user may have a .forward file for this recipient, so that delivery must look. */
  readonly hasForward: (user: SystemUser, local: string, domain: string) => boolean
}

/** A line of passwd. */
export interface SystemUser {
  readonly name: string
  readonly uid: number
  readonly gid: number
  readonly home: string
  readonly shell: string
}

/** Parameters that name tables asked by address or name. */
const MAP_PARAMETERS = [
  'virtual_alias_maps',
  'virtual_mailbox_maps',
  'local_recipient_maps',
  'relay_recipient_maps',
  'alias_maps',
  'transport_maps',
  'sender_dependent_relayhost_maps',
  'sender_dependent_default_transport_maps',
  'canonical_maps',
  'sender_canonical_maps',
  'recipient_canonical_maps',
  'relocated_maps',
  'sender_bcc_maps',
  'recipient_bcc_maps',
  'mailbox_command_maps',
  'mailbox_transport_maps',
  'fallback_transport_maps',
] as const
export type MapParameter = (typeof MAP_PARAMETERS)[number]

type DomainMatcher = (domain: string) => Promise<string | undefined>

/** First octets of a myorigin file that are looked at. */
const MYORIGIN_MAX = 1024

export class World implements Keys {
  readonly cf: RoutingSettings
  readonly deps: RouterDeps
  readonly own: OwnAddresses
  readonly maps: Readonly<Record<MapParameter, NamedMaps>>
  /** passwd stands in local_recipient_maps, as by default. */
  readonly systemUsersListed: boolean
  /** Transports whose agent is local(8) and virtual(8), by master.cf. */
  readonly localTransports: ReadonlySet<string>
  readonly virtualTransports: ReadonlySet<string>
  /** main.cf names a mail spool: then mail of system users is kept there. */
  readonly spoolIsSet: boolean
  readonly #mydestination: DomainMatcher
  readonly #relayDomains: DomainMatcher
  readonly #virtualAliasDomains: DomainMatcher
  readonly #virtualMailboxDomains: DomainMatcher

  constructor(deps: RouterDeps) {
    const cf = deps.config.bind(routingParams)
    this.deps = deps
    this.cf = { ...cf, myorigin: originOf(cf.myorigin), virtual_alias_maps: cf.virtual_alias_maps }
    this.own = new OwnAddresses(cf.inet_interfaces, cf.proxy_interfaces)
    const listed = withoutPasswd(cf.local_recipient_maps)
    this.systemUsersListed = listed !== cf.local_recipient_maps
    const texts: RoutingSettings = { ...cf, local_recipient_maps: listed }
    // Object.fromEntries forgets the keys that MAP_PARAMETERS names one by one.
    this.maps = Object.fromEntries(
      MAP_PARAMETERS.map((p) => [p, { parameter: p, maps: openMaps(deps.tables, withoutNis(texts[p]), p) }]),
    ) as Record<MapParameter, NamedMaps>
    this.localTransports = transportsOf(deps.config, 'local')
    this.virtualTransports = transportsOf(deps.config, 'virtual')
    this.spoolIsSet = (deps.config.raw('mail_spool_directory') ?? '') !== ''
    const list = (parameter: 'mydestination' | 'relay_domains' | 'virtual_alias_domains' | 'virtual_mailbox_domains') =>
      deps.tables.matchDomain(parameter === 'relay_domains' ? cf[parameter] : withoutParents(cf[parameter]), {
        parentDomains: cf.parent_domain_matches_subdomains.includes(parameter),
        parameter,
      })
    this.#mydestination = list('mydestination')
    this.#relayDomains = list('relay_domains')
    this.#virtualAliasDomains = list('virtual_alias_domains')
    this.#virtualMailboxDomains = list('virtual_mailbox_domains')
  }

  /** Internal form in, standard form out, completed as for mail of this host. */
  standard(address: string): string {
    return standardForm(address, this.cf, { origin: this.cf.myorigin, domain: this.cf.mydomain })
  }

  /** mydestination, or a literal of one of our addresses. */
  async isLocalDomain(domain: string): Promise<boolean> {
    const name = domain.endsWith('.') && domain !== '.' ? domain.slice(0, -1) : domain
    if ((await this.#mydestination(name)) !== undefined) return true
    const literal = literalAddress(name)
    return literal !== undefined && this.own.hasOrProxy(literal)
  }

  /** The class of a domain that is not local. Hosted domains stand with virtual_mailbox_domains. */
  async remoteClass(domain: string): Promise<'virtual-alias' | 'virtual-mailbox' | 'relay' | 'default'> {
    if (this.deps.accounts.hostsDomain(domain)) return 'virtual-mailbox'
    if ((await this.#virtualAliasDomains(domain)) !== undefined) return 'virtual-alias'
    if ((await this.#virtualMailboxDomains(domain)) !== undefined) return 'virtual-mailbox'
    return (await this.#relayDomains(domain)) !== undefined ? 'relay' : 'default'
  }

  /** Whether the unmatched extension is carried over by this kind of lookup. */
  propagates(kind: 'canonical' | 'virtual' | 'alias' | 'include'): boolean {
    return this.cf.propagate_unmatched_extensions.includes(kind)
  }
}

/** Debian: `myorigin = /etc/mailname`. Throws when the file cannot be read: half an address is worse than a stop. */
function originOf(setting: string): string {
  if (!setting.startsWith('/')) return setting
  const [line = ''] = readFileSync(setting, 'utf8').slice(0, MYORIGIN_MAX).split('\n')
  return line.trim()
}

/** NIS is gone from most systems while Postfix's default still names it; without it no mail may wait. */
function withoutNis(text: string): string {
  return text.replace(/(^|[\s,])(?:proxy:)?nis(?:plus)?:[^\s,]*/g, '$1')
}

/** `.example.com` means subdomains in relay_domains only; elsewhere it is the name of no domain. */
function withoutParents(text: string): string {
  return text.replace(/(^|[\s,])!?\.[^\s,]+/g, '$1')
}

function withoutPasswd(text: string): string {
  return text.replace(/(^|[\s,])(?:proxy:)?unix:passwd\.byname(?=$|[\s,])/g, '$1')
}

/** A list that cannot be opened is one that cannot be asked: mail that needs it waits, the rest goes on. */
function openMaps(tables: Tables, text: string, parameter: MapParameter): Maps {
  try {
    // Commands and files may stand there.
    return parameter === 'alias_maps' ? tables.trustedMaps(text) : tables.maps(text)
  } catch (error) {
    const refuse = (): Promise<never> => Promise.reject(error)
    const broken = { name: text, type: '', fixed: true, get: refuse }
    return { tables: [broken], get: refuse, find: refuse, findFirst: refuse }
  }
}

function transportsOf(config: Config, command: string): ReadonlySet<string> {
  const named = config.master.filter((s) => s.type === 'unix' && s.command.replace(/^.*\//, '') === command)
  return new Set([command, ...named.map((s) => s.name)])
}
