/** All tables of one configuration: opens each once, by its configured name. */
import { resolve } from 'node:path'
import { systemClock, type Clock } from '../../base/mod.ts'
import { splitList } from '../config/mod.ts'
import { cidrTable } from './cidr.ts'
import { pipeTable, unionTable } from './combined.ts'
import type { Maps, Table, Tables, TablesOptions } from './contract.ts'
import { TableError } from './errors.ts'
import { INDEXED_TYPES, indexedTable } from './indexed.ts'
import { MapList } from './maps.ts'
import { MatchList } from './match-list.ts'
import { PASSWORD_FILE_TYPES, passwordFileTable } from './password-files.ts'
import { patternTable } from './pattern-table.ts'
import { Pcre2 } from './pcre2.ts'
import { awayTable, environTable, failTable, inlineTable, randTable, staticTable } from './simple.ts'
import { REMOTE_TYPES, type RemoteOptions, remoteTable } from './remote/mod.ts'
import { sqliteTable } from './sqlite.ts'
import { textHashTable } from './text-hash.ts'
import { unixTable } from './unix.ts'

/** Services of another age: their tables are empty here, and `check` says so. */
export const AWAY_TYPES: readonly string[] = ['nis', 'nisplus', 'netinfo']

/** Every type that can be named here, `accounts` by main. */
export const TABLE_TYPES: readonly string[] = [
  ...INDEXED_TYPES,
  ...REMOTE_TYPES,
  ...PASSWORD_FILE_TYPES,
  'accounts',
  'cidr',
  'environ',
  'fail',
  'inline',
  'pcre',
  'pipemap',
  'proxy',
  'randmap',
  'regexp',
  'sqlite',
  'static',
  'texthash',
  'unionmap',
  'unix',
].sort()

/** Opens tables; see `Tables`. */
export function createTables(options: TablesOptions = {}): Tables {
  return new TableSet(options)
}

/** `type:name` in its two parts; undefined where it is not of that form. */
export function splitTableName(name: string): { type: string; rest: string } | undefined {
  const m = /^([^:{}\s]+):([\s\S]+)$/.exec(name)
  // The one table without a name: there is one set of accounts.
  if (name === 'accounts:') return { type: 'accounts', rest: '' }
  return m === null ? undefined : { type: m[1] ?? '', rest: m[2] ?? '' }
}

type Opener = (name: string) => Table

class TableSet implements Tables {
  readonly #options: TablesOptions
  readonly #clock: Clock
  readonly #tables = new Map<string, Table>()
  readonly #openers: ReadonlyMap<string, Opener>
  #library: { readonly pcre2: Pcre2 | undefined } | undefined

  constructor(options: TablesOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#openers = this.#makeOpeners()
  }

  open(name: string): Table {
    const known = this.#tables.get(name)
    if (known !== undefined) return known
    const table = this.#open(name)
    this.#tables.set(name, table)
    return table
  }

  maps(text: string): Maps {
    return new MapList(splitList(text).map((name) => this.open(name)))
  }

  trustedMaps(text: string): Maps {
    return new MapList(splitList(text).map((name) => (isUnvouched(name) ? refused(name) : this.open(name))))
  }

  matchDomain: Tables['matchDomain'] = (list, options) => {
    const matcher = new MatchList(list, { open: (n) => this.open(n), clock: this.#clock, ...options })
    return (domain) => matcher.domain(domain)
  }

  matchAddress: Tables['matchAddress'] = (list, { parameter, parentDomains = false }) => {
    const matcher = new MatchList(list, { open: (n) => this.open(n), clock: this.#clock, parameter, parentDomains })
    return ({ name, address }) => matcher.client(name, address)
  }

  close(): void {
    for (const table of this.#tables.values()) table.close?.()
    this.#tables.clear()
  }

  /** What cannot be opened answers each question with the reason, as Postfix's surrogate tables do. */
  #open(name: string): Table {
    const parts = splitTableName(name)
    try {
      if (parts === undefined)
        throw new TableError('configuration', name, `open dictionary: expecting "type:name" form instead of "${name}"`)
      const opener = this.#openers.get(parts.type)
      if (opener === undefined)
        throw new TableError('configuration', name, `unsupported dictionary type: ${parts.type}`)
      return { ...opener(parts.rest), name }
    } catch (error) {
      if (!(error instanceof TableError)) throw error
      return brokenTable(name, parts?.type ?? '', error)
    }
  }

  /** What tables need that are described by settings of their own. */
  #sourceOptions(name: string): RemoteOptions {
    const directory = this.#options.directory ?? '.'
    return {
      name,
      file: resolve(directory, name),
      directory,
      clock: this.#clock,
      parameter: this.#options.parameter ?? (() => undefined),
      matchDomain: (list) => this.matchDomain(list, { parentDomains: false, parameter: 'domain' }),
      open: (other) => this.open(other),
    }
  }

  #makeOpeners(): ReadonlyMap<string, Opener> {
    const clock = this.#clock
    const open = (name: string): Table => this.open(name)
    const path = (name: string): string => resolve(this.#options.directory ?? '.', name)
    const patterns = (): Pcre2 | undefined => (this.#library ??= { pcre2: Pcre2.open() }).pcre2
    return new Map<string, Opener>([
      ...INDEXED_TYPES.map((type): [string, Opener] => [type, (name) => indexedTable(type, path(name), clock)]),
      ['texthash', (name) => textHashTable(name, path(name), clock)],
      ['static', staticTable],
      ['inline', inlineTable],
      ['environ', (name) => environTable(name, process.env)],
      ['randmap', (name) => randTable(name)],
      ['fail', failTable],
      ...AWAY_TYPES.map((type): [string, Opener] => [type, (name) => awayTable(type, name)]),
      ['unionmap', (name) => unionTable(name, open)],
      ['pipemap', (name) => pipeTable(name, open)],
      // One process: there is no proxymap to ask, the table itself answers.
      ['proxy', (name) => ({ ...open(name), type: 'proxy' })],
      ['unix', (name) => unixTable(name, clock)],
      ...PASSWORD_FILE_TYPES.map((type): [string, Opener] => [
        type,
        (name) => passwordFileTable(type, name, path(name), clock),
      ]),
      ['cidr', (name) => cidrTable(name, path(name), clock)],
      ['regexp', (name) => patternTable('regexp', name, path(name), clock, patterns)],
      ['pcre', (name) => patternTable('pcre', name, path(name), clock, patterns)],
      ['sqlite', (name) => sqliteTable(this.#sourceOptions(name))],
      ...REMOTE_TYPES.map((type): [string, Opener] => [type, (name) => remoteTable(type, this.#sourceOptions(name))]),
      ...Object.entries(this.#options.types ?? {}).map(([type, make]): [string, Opener] => [
        type,
        (name) => ({ name: `${type}:${name}`, type, ...make(name) }),
      ]),
    ])
  }
}

/** Postfix's local(8) and virtual(8) do not take their word: neither server nor connection is authenticated. */
function isUnvouched(name: string): boolean {
  const own = name.replace(/^(?:proxy:)+/, '')
  const isMade = /^(?:unionmap|pipemap):/.test(own) // of tables: theirs count
  return (isMade ? /(?:memcache|socketmap|tcp):/ : /^(?:memcache|socketmap|tcp):/).test(own)
}

function refused(name: string): Table {
  const text = `${name} map is not allowed for security-sensitive data`
  return brokenTable(name, splitTableName(name)?.type ?? '', new TableError('configuration', name, text))
}

function brokenTable(name: string, type: string, error: TableError): Table {
  return {
    name,
    type,
    fixed: true,
    get() {
      throw new TableError(error.kind, name, error.text, error)
    },
  }
}
