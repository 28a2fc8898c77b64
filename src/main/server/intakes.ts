/**
 * Intake as a listener wants it: the settings of its cleanup service (`cleanup_service_name`, an entry of master.cf with
 * `-o`), less what receive_override_options takes away. Postfix: a listener's own `-o header_checks` means nothing.
 */
import type { Config } from '../../io/config/mod.ts'
import type { Tables } from '../../io/tables/mod.ts'
import {
  createIntake,
  type Intake,
  type IntakeDeps,
  intakeParams,
  type MailboxIntake,
  openCharacters,
  openChecks,
  openMilterChecks,
} from '../../mail/intake/mod.ts'
import { EmulatedSessions, milterParams } from '../../mail/policy/mod.ts'
import type { Router } from '../../mail/routing/mod.ts'
import { rewriteField } from './header-rewriting.ts'

/** What a cleanup service and its listener decide. */
type Decided =
  | 'cf'
  | 'router'
  | 'content'
  | 'characters'
  | 'rewriteField'
  | 'automaticBcc'
  | 'milterChecks'
  | 'localFilters'
  | 'contentFilter'

export interface IntakesDeps<F> {
  readonly tables: Tables
  readonly routerOf: (config: Config) => Router
  readonly intake: Omit<IntakeDeps<F>, Decided>
}

/** What no_address_mappings turns off: mapping, not the question whose domain it is. */
const MAPPINGS = [
  'canonical_maps',
  'sender_canonical_maps',
  'recipient_canonical_maps',
  'masquerade_domains',
  'virtual_alias_maps',
] as const

export class Intakes<F> {
  /** For mail that this host makes. */
  readonly own: Intake
  /** For mail that sendmail left in the maildrop; pickup's -o hold. */
  readonly pickup: Intake
  readonly router: Router
  readonly #config: Config
  readonly #deps: IntakesDeps<F>
  readonly #made = new Map<string, IntakeDeps<F>>()

  constructor(config: Config, deps: IntakesDeps<F>) {
    this.#config = config
    this.#deps = deps
    this.router = deps.routerOf(config)
    this.own = this.of(config)
    this.pickup = this.of(pickupConfig(config))
  }

  /** @param listener the configuration with the listener's own settings */
  of(listener: Config): MailboxIntake {
    return createIntake(this.depsOf(listener))
  }

  /** What the intake of a listener is made of, for one that only says what it would do. */
  depsOf(listener: Config): IntakeDeps<F> {
    const { cleanup_service_name: service, receive_override_options, content_filter } = listener.bind(intakeParams)
    const options = new Set(receive_override_options)
    const key = [service, content_filter, ...[...options].toSorted()].join('\0')
    const made = this.#made.get(key) ?? this.#make(service, options, content_filter)
    this.#made.set(key, made)
    return made
  }

  #make(service: string, options: ReadonlySet<string>, contentFilter: string): IntakeDeps<F> {
    const entry = this.#config.master.find((one) => one.name === service && one.command === 'cleanup')
    const overrides = entry?.overrides ?? new Map<string, string>()
    const config = overrides.size === 0 ? this.#config : this.#config.with(overrides)
    const cf = config.bind(intakeParams)
    const checked = !options.has('no_header_body_checks')
    const mapped = !options.has('no_address_mappings')
    const router = overrides.size === 0 && mapped ? this.router : this.#deps.routerOf(this.#mapping(config, mapped))
    return {
      ...this.#deps.intake,
      cf,
      router,
      content: checked ? openChecks(cf, this.#deps.tables) : undefined,
      characters: checked ? openCharacters(cf) : undefined,
      milterChecks: checked ? openMilterChecks(cf, this.#deps.tables) : undefined,
      localFilters: options.has('no_milters') ? undefined : localFilters(config),
      contentFilter,
      automaticBcc: mapped,
      rewriteField: (field, context) => rewriteField(field, router, context, cf.header_address_token_limit),
    }
  }

  /** Domains are asked for of trivial-rewrite, which has no settings of this cleanup. */
  #mapping(config: Config, mapped: boolean): Config {
    const domains = this.#config.value('virtual_alias_domains') ?? ''
    const off = mapped ? [] : MAPPINGS.map((name) => [name, ''] as const)
    return config.with(new Map([['virtual_alias_domains', domains], ...off]))
  }
}

/** The configuration as pickup(8) has it: main.cf, and master.cf's -o for it. */
export function pickupConfig(config: Config): Config {
  const overrides = config.master.find((one) => one.command === 'pickup')?.overrides
  return overrides === undefined || overrides.size === 0 ? config : config.with(overrides)
}

/** non_smtpd_milters. */
function localFilters(config: Config): EmulatedSessions | undefined {
  const cf = config.bind(milterParams)
  if (cf.non_smtpd_milters === '') return undefined
  const queueDirectory = config.value('queue_directory') ?? '/'
  return new EmulatedSessions({ cf, hostname: config.value('myhostname') ?? 'localhost', queueDirectory })
}
