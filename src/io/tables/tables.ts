/** Opens tables by their configured names; the same object for the same name. */
import { isAbsolute, join } from 'node:path'
import { systemClock } from '../../base/mod.ts'
import { splitList } from '../config/mod.ts'
import { cidrTable } from './cidr.ts'
import { pipeTable, unionTable } from './combined.ts'
import type { Maps, Table, Tables, TablesOptions } from './contract.ts'
import { TableError } from './errors.ts'
import { INDEXED_TYPES, indexedTable } from './indexed.ts'
import { MapList } from './maps.ts'
import { MatchList } from './match-list.ts'
import { awayTable, environTable, failTable, inlineTable, randTable, staticTable } from './simple.ts'
import { textHashTable } from './text-hash.ts'
import { unixTable } from './unix.ts'

/** Type and name; `hash` is meant where none is written (default_database_type). */
function cut(name: string): [type: string, rest: string] {
  const colon = name.indexOf(':')
  return colon < 0 ? ['hash', name] : [name.slice(0, colon).toLowerCase(), name.slice(colon + 1)]
}

class OpenedTables implements Tables {
  readonly #options: TablesOptions
  readonly #opened = new Map<string, Table>()

  constructor(options: TablesOptions) {
    this.#options = options
  }

  open(name: string): Table {
    let table = this.#opened.get(name)
    if (table === undefined) {
      table = this.#make(name)
      this.#opened.set(name, table)
    }
    return table
  }

  maps(text: string): Maps {
    return new MapList(splitList(text).map((name) => this.open(name)))
  }

  matchDomain(
    list: string,
    options: { readonly parentDomains: boolean; readonly parameter: string },
  ): (domain: string) => Promise<string | undefined> {
    const match = new MatchList(list, { open: (name) => this.open(name), clock: this.#clock, ...options })
    return (domain) => match.domain(domain)
  }

  matchAddress(
    list: string,
    options: { readonly parameter: string },
  ): (client: { readonly name: string; readonly address: string }) => Promise<string | undefined> {
    const match = new MatchList(list, {
      open: (name) => this.open(name),
      clock: this.#clock,
      parentDomains: false,
      ...options,
    })
    return ({ name, address }) => match.client(name, address)
  }

  close(): void {
    this.#opened.clear()
  }

  get #clock(): NonNullable<TablesOptions['clock']> {
    return this.#options.clock ?? systemClock
  }

  #file(name: string): string {
    return isAbsolute(name) || this.#options.directory === undefined ? name : join(this.#options.directory, name)
  }

  #make(name: string): Table {
    const [type, rest] = cut(name)
    const open = (inner: string): Table => this.open(inner)
    const own = this.#options.types?.[type]
    if (own !== undefined) return { name, type, ...own(rest) }
    if (INDEXED_TYPES.includes(type)) return indexedTable(type, this.#file(rest), this.#clock)
    switch (type) {
      case 'proxy': // proxymap(8) is a process of Postfix's; here every thread asks the table itself
        return { ...this.open(rest), name }
      case 'texthash':
        return textHashTable(this.#file(rest), this.#clock)
      case 'cidr':
        return cidrTable(rest, this.#clock)
      case 'static':
        return staticTable(rest)
      case 'inline':
        return inlineTable(rest)
      case 'environ':
        return environTable(rest, process.env)
      case 'unix':
        return unixTable(rest, this.#clock)
      case 'unionmap':
        return unionTable(rest, open)
      case 'pipemap':
        return pipeTable(rest, open)
      case 'randmap':
        return randTable(rest)
      case 'fail':
        return failTable(rest)
      case 'nis':
      case 'nisplus':
        return awayTable(type, rest)
      default:
        throw new TableError('configuration', name, `unsupported dictionary type: ${type}`)
    }
  }
}

export function createTables(options: TablesOptions = {}): Tables {
  return new OpenedTables(options)
}
