/** One main.cf, read: lookup, expansion, typed values, overrides. */
import { defaultDomain, defaultHostname, defaultNetworks, type Machine } from './builtin.ts'
import type {
  Config,
  MasterService,
  Origin,
  ParamSpec,
  ParamSpecs,
  Registry,
  Setting,
  Settings,
  StrayLine,
} from './contract.ts'
import { ConfigError } from './errors.ts'
import { ExpandError, expandText } from './expand.ts'
import { postfixDefault, postfixParameter } from './defaults.ts'
import { parseValue, ValueError } from './values.ts'

/** What a Config is made of. */
export interface ConfigParts {
  readonly directory: string
  readonly file: string
  readonly settings: readonly Setting[]
  readonly strayLines: readonly StrayLine[]
  readonly master: readonly MasterService[]
  readonly registry: Registry
  readonly machine: Machine
  readonly overrides?: ReadonlyMap<string, string>
  readonly overridesOrigin?: Origin | undefined
}

export class MainConfig implements Config {
  readonly directory: string
  readonly file: string
  readonly settings: readonly Setting[]
  readonly strayLines: readonly StrayLine[]
  readonly master: readonly MasterService[]
  readonly overrides: ReadonlyMap<string, string>
  readonly #parts: ConfigParts
  readonly #byName: ReadonlyMap<string, Setting>
  /** Rooms bind the same parameters for each message; nothing here ever changes. */
  readonly #bound = new WeakMap<ParamSpecs, object>()
  /** Names whose value is being made of the machine's facts. */
  readonly #asked = new Set<string>()

  constructor(parts: ConfigParts) {
    this.#parts = parts
    this.directory = parts.directory
    this.file = parts.file
    this.settings = parts.settings
    this.strayLines = parts.strayLines
    this.master = parts.master
    this.overrides = parts.overrides ?? new Map()
    this.#byName = new Map(parts.settings.map((s) => [s.name, s]))
  }

  raw(name: string): string | undefined {
    return this.overrides.get(name) ?? this.#byName.get(name)?.value
  }

  origin(name: string): Origin | undefined {
    if (this.overrides.has(name)) return this.#parts.overridesOrigin
    const setting = this.#byName.get(name)
    return setting && { file: setting.file, line: setting.line }
  }

  value(name: string): string | undefined {
    const spec = this.#parts.registry.get(name)
    const text = this.#lookup(name, spec)
    const isRaw = (spec ?? postfixParameter(name))?.kind === 'raw'
    return text === undefined || isRaw ? text : this.#expand(name, text)
  }

  expand(text: string): string {
    return this.#expand('', text)
  }

  bind<P extends ParamSpecs>(specs: P): Settings<P> {
    const known = this.#bound.get(specs)
    if (known !== undefined) return known as Settings<P> // made below, from the same object
    const values = Object.entries(specs).map(([name, spec]) => [name, this.#typed(name, spec)] as const)
    // Each value was made by parseValue from the spec of its name, which is what Settings<P> says.
    const bound = Object.freeze(Object.fromEntries(values)) as Settings<P>
    this.#bound.set(specs, bound)
    return bound
  }

  with(overrides: ReadonlyMap<string, string>, origin?: Origin): MainConfig {
    return new MainConfig({
      ...this.#parts,
      overrides: new Map([...this.overrides, ...overrides]),
      overridesOrigin: origin ?? this.#parts.overridesOrigin,
    })
  }

  #typed(name: string, spec: ParamSpec<unknown>): unknown {
    const text = this.#lookup(name, spec) ?? spec.default
    const expanded = spec.kind === 'raw' ? text : this.#expand(name, text)
    try {
      return parseValue(name, expanded, spec)
    } catch (error) {
      if (error instanceof ValueError) throw this.#fault(error.message, name, error)
      throw error
    }
  }

  /** The text of a parameter before expansion: as set, by an older name, from the machine, or its default. */
  #lookup(name: string, spec: ParamSpec<unknown> | undefined): string | undefined {
    const set = this.raw(name)
    if (set !== undefined) return set
    for (const old of spec?.oldNames ?? []) {
      const text = this.raw(old)
      if (text !== undefined) return text
    }
    return this.#fromMachine(name) ?? spec?.default ?? postfixDefault(name)
  }

  /** What refers to itself by way of another (`mydomain = $myhostname` alone) is not set there yet, as in Postfix. */
  #fromMachine(name: string): string | undefined {
    if (this.#asked.has(name)) return ''
    this.#asked.add(name)
    try {
      return this.#ofMachine(name)
    } finally {
      this.#asked.delete(name)
    }
  }

  #ofMachine(name: string): string | undefined {
    const { machine, directory } = this.#parts
    switch (name) {
      case 'config_directory':
        return directory
      case 'myhostname': {
        const domain = this.raw('mydomain')
        return defaultHostname(machine, domain === undefined ? undefined : this.#expand('mydomain', domain))
      }
      case 'mydomain': {
        const host = this.raw('myhostname')
        return defaultDomain(
          host === undefined ? defaultHostname(machine, undefined) : this.#expand('myhostname', host),
        )
      }
      case 'mynetworks':
        return defaultNetworks(machine, (n) => this.value(n) ?? '')
      case 'process_id':
        return String(process.pid)
      default:
        return undefined
    }
  }

  #expand(name: string, text: string): string {
    try {
      return expandText(text, { lookup: (n) => this.#lookup(n, this.#parts.registry.get(n)), recurse: true })
    } catch (error) {
      if (error instanceof ExpandError) throw this.#fault(error.message, name, error)
      throw error
    }
  }

  #fault(text: string, name: string, cause: Error): ConfigError {
    return new ConfigError(text, this.origin(name) ?? { file: this.file, line: 0 }, cause)
  }
}
