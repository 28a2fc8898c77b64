/**
 * What all evaluations of one listener share: its settings, opened tables and lists, and the services they ask.
 */
import { type Clock, publish } from '../../base/mod.ts'
import type { Config, Settings } from '../../io/config/mod.ts'
import { filteredResolver, type Resolver } from '../../io/dns/mod.ts'
import type { Maps, Tables } from '../../io/tables/mod.ts'
import type { Account } from '../accounts/mod.ts'
import type { Router } from '../routing/mod.ts'
import type { PolicyWarning } from './contract.ts'
import { DnsLists } from './dns-lists.ts'
import type { Greylist } from './greylist/greylist.ts'
import { greylistParams } from './greylist/params.ts'
import { policyParams } from './params.ts'
import { PolicyServices } from './policy-service.ts'

export type PolicySettings = Settings<typeof policyParams>

export interface PolicyDeps {
  /** The listener's: `config.with(overrides)`. */
  readonly config: Config
  readonly tables: Tables
  readonly router: Router
  readonly dns: Resolver
  readonly clock: Clock
  /** Whether an account has no room for so much more (its quota); RCPT is then answered 452 4.2.2. */
  readonly mailboxFull?: (account: Account, sizeOctets: number) => boolean | Promise<boolean>
  /** Address probes (reject_unverified_sender and _recipient); without it they end as if the probe could not be made. */
  readonly probe?: (address: string, role: 'sender' | 'recipient') => Promise<Probe>
  /** Of check_greylist; without it nobody waits. */
  readonly greylist?: Pick<Greylist, 'ask'>
}

/** What a probe found out. */
export interface Probe {
  readonly status: 'deliverable' | 'undeliverable' | 'deferred' | 'failed'
  readonly text: string
}

/** How often the same warning is published at most. */
const WARN_AGAIN_MS = 60_000
const MAX_WARNINGS = 1000

export class Rules {
  readonly cf: PolicySettings
  readonly deps: PolicyDeps
  readonly router: Router
  readonly dns: Resolver
  readonly tables: Tables
  readonly lists: DnsLists
  readonly services: PolicyServices
  readonly mynetworks: (client: { readonly name: string; readonly address: string }) => Promise<string | undefined>
  readonly mxBackupNetworks: (client: {
    readonly name: string
    readonly address: string
  }) => Promise<string | undefined>
  /** smtpd_log_access_permit_actions, where something is to be logged. */
  readonly permitLog: ((action: string) => Promise<string | undefined>) | undefined
  readonly senderLoginMaps: Maps
  readonly relayClientcerts: Maps
  /** greylist_client_exceptions. */
  readonly greylistExceptions: (client: { readonly name: string; readonly address: string }) => Promise<boolean>
  readonly rblReplyMaps: Maps
  /** smtpd_access_maps in parent_domain_matches_subdomains: `example.com` in an access table means subdomains too. */
  readonly plainParents: boolean
  readonly #warned = new Map<string, number>()

  constructor(deps: PolicyDeps) {
    const cf = deps.config.bind(policyParams)
    this.cf = cf
    this.deps = deps
    this.router = deps.router
    this.dns = this.#filtered(deps.dns)
    this.tables = deps.tables
    this.lists = new DnsLists(this.dns, { selfTest: cf.dnsbl_self_test, limitMs: cf.dnsbl_time_limit })
    this.services = new PolicyServices(cf, deps.config)
    this.mynetworks = deps.tables.matchAddress(cf.mynetworks, { parameter: 'mynetworks' })
    this.mxBackupNetworks = deps.tables.matchAddress(cf.permit_mx_backup_networks, {
      parameter: 'permit_mx_backup_networks',
    })
    const permitted = cf.smtpd_log_access_permit_actions
    this.permitLog =
      permitted === ''
        ? undefined
        : deps.tables.matchDomain(permitted, { parentDomains: false, parameter: 'smtpd_log_access_permit_actions' })
    const { greylist_client_exceptions: excepted } = deps.config.bind(greylistParams)
    const isExcepted = deps.tables.matchAddress(excepted, { parameter: 'greylist_client_exceptions' })
    this.greylistExceptions = async (client) => (await isExcepted(client)) !== undefined
    this.senderLoginMaps = deps.tables.maps(cf.smtpd_sender_login_maps)
    this.relayClientcerts = deps.tables.maps(cf.relay_clientcerts)
    this.rblReplyMaps = deps.tables.maps(cf.rbl_reply_maps)
    this.plainParents = cf.parent_domain_matches_subdomains.includes('smtpd_access_maps')
  }

  /** DNS through smtpd_dns_reply_filter. */
  #filtered(dns: Resolver): Resolver {
    const { smtpd_dns_reply_filter: spec } = this.cf
    if (spec === '') return dns
    const maps = this.deps.tables.maps(spec)
    return filteredResolver(dns, {
      parameter: 'smtpd_dns_reply_filter',
      find: async (record) => (await maps.find(record))?.result,
      told: (severity, text) =>
        severity === 'warning'
          ? this.warn(text)
          : publish<PolicyWarning>({ event: 'policy.warning', info: true, text }),
    })
  }

  /** Something to mend; the same text is published once a minute at most. */
  warn(text: string): void {
    const now = performance.now()
    const last = this.#warned.get(text)
    if (last !== undefined && now - last < WARN_AGAIN_MS) return
    if (this.#warned.size >= MAX_WARNINGS) this.#warned.clear()
    this.#warned.set(text, now)
    publish<PolicyWarning>({ event: 'policy.warning', text })
  }

  trouble(error: unknown): void {
    this.warn(error instanceof Error ? error.message : String(error))
  }
}
