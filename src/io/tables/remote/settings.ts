/**
 * What describes a table that a server answers: a file in main.cf's syntax where the name is a path, or main.cf's
 * parameters `NAME_…`. Faults are in Postfix's words, with the line for `check`.
 */
import { readLogicalLines, splitNameValue, type LogicalLine } from '../../config/mod.ts'
import type { Table, TablesEvent } from '../contract.ts'
import { TableError } from '../errors.ts'
import { readTableFile } from '../source.ts'
import { publish, type Clock } from '#src/base/mod.ts'

/** What such a table is made with. */
export interface RemoteOptions {
  /** The name behind `type:`. */
  readonly name: string
  /** Its path, where it is one. */
  readonly file: string
  /** Where relative names of sockets start. */
  readonly directory: string
  readonly clock: Clock
  /** main.cf's value of a name. */
  readonly parameter: (name: string) => string | undefined
  readonly matchDomain: (list: string) => (domain: string) => Promise<string | undefined>
  /** Another table (memcache's backup). */
  readonly open: (name: string) => Table
  /** Told which settings a table reads. */
  readonly opened?: (settings: TableSettings) => void
}

/** A fault in a table's settings, and where it stands. */
export class SettingsError extends TableError {
  readonly file: string | undefined
  readonly line: number | undefined

  constructor(table: string, text: string, file?: string, line?: number) {
    super('configuration', table, text)
    this.file = file
    this.line = line
  }
}

interface Setting {
  readonly value: string
  readonly line: number | undefined
}

export class TableSettings {
  /** `pgsql:/etc/postfix/x.cf`. */
  readonly table: string
  /** The name behind the type. */
  readonly name: string
  /** Where the settings stand; undefined for main.cf. */
  readonly file: string | undefined
  readonly #find: (key: string) => Setting | undefined
  readonly #asked = new Set<string>()
  readonly #there: ReadonlyMap<string, Setting>

  constructor(type: string, options: Pick<RemoteOptions, 'name' | 'file' | 'parameter' | 'opened'>) {
    const { name, file } = options
    this.name = name
    this.table = `${type}:${name}`
    this.file = name.startsWith('/') || name.startsWith('.') ? file : undefined
    this.#there = this.file === undefined ? new Map() : fromFile(this.file, this.table)
    this.#find =
      this.file === undefined ? (key) => mainCf(options.parameter(`${name}_${key}`)) : (key) => this.#there.get(key)
    options.opened?.(this)
  }

  /** The text of a setting; where it is not set or empty, the default. */
  text(key: string, fallback = ''): string {
    const value = this.#get(key)?.value ?? ''
    return value === '' ? fallback : value
  }

  /** The text of a setting that may be set to nothing on purpose. */
  given(key: string): string | undefined {
    return this.#get(key)?.value
  }

  required(key: string): string {
    const value = this.text(key)
    if (value === '') throw this.fault(key, `bad string length 0 < 1: ${this.#shown(key)} = `)
    return value
  }

  number(key: string, fallback: number, min = 0): number {
    const value = this.#get(key)?.value
    if (value === undefined || (value === '' && this.file === undefined)) return fallback
    if (!/^\s*[-+]?\d{1,10}$/.test(value) || Math.abs(Number(value)) > 0x7fff_ffff)
      throw this.fault(key, `bad numerical configuration: ${this.#shown(key)} = ${value}`)
    if (Number(value) < min)
      throw this.fault(key, `invalid ${this.#shown(key)} parameter value ${Number(value)} < ${min}`)
    return Number(value)
  }

  flag(key: string, fallback: boolean): boolean {
    const value = this.#get(key)?.value
    if (value === undefined) return fallback
    if (!/^(?:yes|no)$/i.test(value)) throw this.fault(key, `bad boolean configuration: ${this.#shown(key)} = ${value}`)
    return value.toLowerCase() === 'yes'
  }

  /** An error at a setting; a file's faults begin with its name, as Postfix prints them. */
  fault(key: string, text: string): SettingsError {
    const shown = this.file === undefined ? text : `${this.name}: ${text}`
    return new SettingsError(this.table, shown, this.file, this.#find(key)?.line)
  }

  lineOf(key: string): number | undefined {
    return this.#find(key)?.line
  }

  /** Settings of the file that nothing asked for: misspelt, mostly. */
  unused(): { readonly key: string; readonly line: number | undefined }[] {
    return [...this.#there].filter(([key]) => !this.#asked.has(key)).map(([key, { line }]) => ({ key, line }))
  }

  /** Names that were asked for: those that mean something. */
  known(): string[] {
    return [...this.#asked]
  }

  #get(key: string): Setting | undefined {
    this.#asked.add(key)
    return this.#find(key)
  }

  #shown(key: string): string {
    return this.file === undefined ? `${this.name}_${key}` : key
  }
}

function mainCf(value: string | undefined): Setting | undefined {
  return value === undefined ? undefined : { value, line: undefined }
}

function fromFile(file: string, table: string): ReadonlyMap<string, Setting> {
  const { lines } = readLogicalLines(readTableFile(file, table).toString('utf8'))
  return new Map(lines.map((line) => setting(line, file, table)))
}

function setting(line: LogicalLine, file: string, table: string): [string, Setting] {
  const pair = splitNameValue(line.text)
  if (typeof pair === 'string') {
    const text = `${file}, line ${line.line}: ${pair}: "${line.text}"`
    throw new SettingsError(table, text, file, line.line)
  }
  return [pair.name, { value: pair.value, line: line.line }]
}

/** Says something of a table, as Postfix's clients do before they give up or go on. */
export function warn(table: string, text: string): void {
  // What servers say may span lines; a log line is one.
  publish({ event: 'tables.warning', table, text: text.replace(/\p{Cc}/gu, '?') } satisfies TablesEvent)
}

/** The table could not be asked, or not whole; why was warned of. */
export function queryError(table: string, cause?: unknown): TableError {
  return new TableError('unavailable', table, 'query error', cause)
}
