/** Which names postconf(1) knows: Postfix's own, those of transports, and those that other settings use. */
import {
  deprecatedSuccessor,
  namesIn,
  oldNameSuccessor,
  postfixDefault,
  postfixParameter,
  postfixParameters,
  transportParameters,
} from '../../io/config/mod.ts'
import { allParams } from '../registry.ts'
import { clientFileWarnings, tablesIn, type TableKind } from './postconf-tables.ts'
import type { Opened, Scope } from './postconf-open.ts'

/** Commands of master.cf that carry mail out: their services have the queue's parameters under their names. */
const AGENTS = ['local', 'error', 'virtual', 'smtp', 'lmtp', 'pipe']
/** Where a setting in main.cf or master.cf would be passed over. */
const READ_ONLY = ['process_id', 'process_name', 'service_name']

/** Names by class, as -C has them, and what there is to warn of. */
export class Names {
  readonly builtin: ReadonlySet<string>
  readonly service: ReadonlySet<string>
  readonly user = new Set<string>()
  readonly #opened: Opened
  /** -o names of an entry that something uses. */
  readonly #used = new Map<Scope, Set<string>>()
  readonly #undefined: string[] = []

  constructor(opened: Opened) {
    this.#opened = opened
    this.service = serviceNames(opened.scopes)
    const all = [...allParams().keys(), ...postfixParameters.map((p) => p.name)]
    this.builtin = new Set(all.filter((name) => !this.service.has(name) && !isOld(name)))
    for (const scope of opened.scopes) this.#used.set(scope, new Set())
  }

  isKnown(name: string): boolean {
    return this.builtin.has(name) || this.service.has(name) || this.user.has(name)
  }

  /** Looks at all settings for the names that they use. Answers what is wrong with them. */
  findUsed(): readonly string[] {
    for (const scope of this.#opened.scopes) this.#scan(scope.settings, scope)
    for (const name of this.builtin) {
      const text = this.#isSet(name) ? '' : (allParams().get(name)?.default ?? postfixDefault(name) ?? '')
      if (text.includes('$') && !isRaw(name)) this.#use(namesIn(text), undefined)
    }
    this.#scan(new Map(this.#opened.config.settings.map((s) => [s.name, s.value])), undefined)
    return this.#undefined
  }

  #isSet(name: string): boolean {
    return this.#opened.config.raw(name) !== undefined
  }

  #scan(settings: ReadonlyMap<string, string>, scope: Scope | undefined): void {
    const { config, directory } = this.#opened
    const expand = scope?.expand ?? ((text: string) => config.expand(text))
    const classes = settings.get('smtpd_restriction_classes')
    if (classes !== undefined)
      this.#use(
        expand(classes)
          .split(/[\s,]+/)
          .filter((n) => n !== ''),
        scope,
      )
    const global = config.value('smtpd_restriction_classes')?.split(/[\s,]+/) ?? []
    for (const [name, value] of settings) {
      if (scope !== undefined && global.includes(name)) this.#used.get(scope)?.add(name)
      if (READ_ONLY.includes(name))
        this.#undefined.push(`${directory}/${fileOf(scope)}: read-only parameter assignment: ${name}=${value}`)
      if (isOld(name)) (scope === undefined ? this.user : this.#used.get(scope))?.add(name)
      if (isRaw(name)) continue
      this.#use(namesIn(value), scope)
      for (const table of tablesIn(expand(value))) this.#useTable(table, scope)
    }
  }

  /** The name space of a table that is described in main.cf; or what is wrong with its own file. */
  #useTable({ kind, name }: { kind: TableKind; name: string }, scope: Scope | undefined): void {
    if (name.startsWith('/')) this.#undefined.push(...clientFileWarnings(kind, name))
    else if (!name.startsWith('.')) {
      for (const suffix of kind.suffixes) this.#use([`${name}_${suffix}`], scope, true)
    }
  }

  #use(names: readonly string[], scope: Scope | undefined, isTable = false): void {
    for (const name of names) {
      const isSupplied = this.#markUsed(name, scope)
      if (isSupplied || isTable || isOld(name) || this.isKnown(name)) continue
      const text = `${this.#opened.directory}/${fileOf(scope)}: undefined parameter: ${name}`
      if (!this.#undefined.includes(text)) this.#undefined.push(text)
    }
  }

  /** Answers whether main.cf or master.cf sets it. */
  #markUsed(name: string, scope: Scope | undefined): boolean {
    if (scope?.settings.has(name) === true) {
      this.#used.get(scope)?.add(name)
      return true
    }
    let isSupplied = this.#isSet(name)
    if (isSupplied && !this.isKnown(name)) this.user.add(name)
    if (scope !== undefined) return isSupplied
    for (const other of this.#opened.scopes) {
      if (!other.settings.has(name)) continue
      isSupplied = true
      this.#used.get(other)?.add(name)
    }
    return isSupplied
  }

  /** Settings of main.cf that nothing uses, or that Postfix will remove. */
  unusedInMain(): readonly string[] {
    return this.#unused(new Map(this.#opened.config.settings.map((s) => [s.name, s.value])), undefined)
  }

  /** The same for master.cf's -o. */
  unusedInMaster(): readonly string[] {
    return this.#opened.scopes.flatMap((scope) => this.#unused(scope.settings, scope))
  }

  #unused(settings: ReadonlyMap<string, string>, scope: Scope | undefined): readonly string[] {
    const file = `${this.#opened.directory}/${fileOf(scope)}`
    return [...settings].flatMap(([name, value]) => {
      const isUsed = this.isKnown(name) || (scope !== undefined && this.#used.get(scope)?.has(name) === true)
      if (!isUsed) return [`${file}: unused parameter: ${name}=${value}`]
      const successor = deprecatedSuccessor(name)
      if (successor === undefined) return []
      const instead = successor === '' ? 'do not specify (leave at default)' : `specify "${successor}"`
      return [`${file}: support for parameter "${name}" will be removed; instead, ${instead}`]
    })
  }
}

function fileOf(scope: Scope | undefined): string {
  return scope === undefined ? 'main.cf' : 'master.cf'
}

/** A name of older releases: Postfix shows it where it is set. */
function isOld(name: string): boolean {
  return oldNameSuccessor(name) !== undefined
}

/** A text whose `$` forms are for the moment of use. */
export function isRaw(name: string): boolean {
  return (postfixParameter(name) ?? allParams().get(name))?.kind === 'raw'
}

function serviceNames(scopes: readonly Scope[]): ReadonlySet<string> {
  const names = new Set<string>()
  for (const { entry } of scopes) {
    const [service = '', , , , , , , command = ''] = entry.fields
    for (const { name: suffix } of transportParameters) {
      const isTimeLimit = suffix === '_time_limit'
      const has = isTimeLimit ? command === 'pipe' || command === 'spawn' : AGENTS.includes(command)
      if (has) names.add(service + suffix)
    }
  }
  return names
}
