/** What postconf(1) reads: main.cf, or nothing of it with -d, and the entries of master.cf. */
import { readFileSync } from 'node:fs'
import {
  type Config,
  ConfigError,
  parseConfig,
  readMasterEntries,
  splitNameValue,
  type MasterEntry,
} from '../../io/config/mod.ts'
import { allParams } from '../registry.ts'
import { type CliIo, configDirectory } from './io.ts'
import type { PostconfWords } from './postconf-words.ts'

/** An entry of master.cf as a name space: its -o settings stand before main.cf's. */
export interface Scope {
  readonly entry: MasterEntry
  /** -o name=value, the last one of a name counting. */
  readonly settings: ReadonlyMap<string, string>
  /** Expands a text as the service would. */
  readonly expand: (text: string) => string
}

export interface Opened {
  /** As it was given: relative, if it was. */
  readonly directory: string
  readonly config: Config
  readonly scopes: readonly Scope[]
  readonly warn: (text: string) => void
}

const NOWHERE = { file: '', line: 0 }

/** Throws ConfigError in Postfix's words. A missing master.cf is a fault where that is what shall be shown. */
export function openFiles(words: PostconfWords, io: CliIo): Opened {
  const directory = configDirectory(words.config, io)
  const warn = (text: string): void => io.err(`postconf: warning: ${text}\n`)
  const isMaster = ['M', 'F', 'P'].some((flag) => words.flags.has(flag))
  const entries = readEntries(`${directory}/master.cf`, isMaster ? undefined : warn)
  const text = words.flags.has('d') ? '' : readText(`${directory}/main.cf`)
  const plain = parseConfig(text, allParams(), { directory, masterCf: '' })
  warnOfDoubled(plain, directory, warn)
  const config = words.overrides.length === 0 ? plain : plain.with(new Map(words.overrides.map(nameValue)))
  return { directory, config, scopes: entries.map((entry) => scopeOf(entry, config)), warn }
}

function nameValue(text: string): readonly [string, string] {
  const pair = splitNameValue(text)
  if (typeof pair === 'string') throw new ConfigError(`invalid parameter override: ${text}: ${pair}`, NOWHERE)
  return [pair.name, pair.value]
}

function readEntries(file: string, warn: Opened['warn'] | undefined): readonly MasterEntry[] {
  let text: string
  try {
    text = readText(file)
  } catch (error) {
    if (warn === undefined || !(error instanceof ConfigError)) throw error
    warn(error.message)
    return []
  }
  return readMasterEntries(text, file)
}

function scopeOf(entry: MasterEntry, config: Config): Scope {
  const [service = '', , , , , , , command = ''] = entry.fields
  const settings = new Map<string, string>()
  const args = entry.fields.slice(8)
  for (let i = 0; args[i]?.startsWith('-') === true && args[i] !== '--'; i++) {
    if (args[i] !== '-o') continue
    const pair = splitNameValue(args[++i] ?? '')
    if (typeof pair !== 'string') settings.set(pair.name, pair.value)
  }
  const process = command.slice(command.lastIndexOf('/') + 1)
  const own = new Map([...settings, ['process_name', process], ['service_name', service]])
  return { entry, settings, expand: (text) => config.with(own).expand(text) }
}

function warnOfDoubled(config: Config, directory: string, warn: Opened['warn']): void {
  const before = new Map<string, string>()
  for (const { name, value, line } of config.settings) {
    const earlier = before.get(name)
    if (earlier !== undefined) warn(`${directory}/main.cf, line ${line}: overriding earlier entry: ${name}=${earlier}`)
    before.set(name, value)
  }
}

/** A configuration file as text. Throws ConfigError in Postfix's words. */
export function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    const why = missing ? 'No such file or directory' : error instanceof Error ? error.message : String(error)
    throw new ConfigError(why, { file: `open ${file}`, line: 0 }, error)
  }
}
