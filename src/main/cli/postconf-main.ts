/** postconf(1) on main.cf. */
import { readFileSync } from 'node:fs'
import {
  classOf,
  type Config,
  ConfigError,
  deprecatedSuccessor,
  type Edit,
  editMainCf,
  namesIn,
  postfixDefault,
  postfixParameter,
  postfixParameters,
  printSetting,
  printValue,
  replaceFile,
  splitNameValue,
  transportParameters,
  usedNames,
} from '../../io/config/mod.ts'
import { allParams } from '../registry.ts'
import { readConfig } from '../server/rooms.ts'
import { type CliIo, configDirectory, EX } from './io.ts'
import type { PostconfWords } from './postconf-words.ts'

/** Commands of master.cf that carry mail out: their services have the queue's parameters under their names. */
const AGENTS = ['local', 'error', 'virtual', 'smtp', 'lmtp', 'pipe']

/** Names by class, as -C has them. */
interface Names {
  readonly builtin: ReadonlySet<string>
  readonly service: ReadonlySet<string>
  readonly user: ReadonlySet<string>
}

export function showParameters(words: PostconfWords, io: CliIo): number {
  const { flags } = words
  const config = openConfig(words, io)
  const names = namesOf(config)
  for (const name of words.names.length > 0 ? words.names : listed(config, names, words, io)) {
    const value = valueOf(config, name, names, flags)
    if (value === undefined) io.err(`postconf: warning: ${name}: unknown parameter\n`)
    else io.out(`${shown(name, value, flags)}\n`)
  }
  if (!flags.has('q') && !flags.has('d')) warn(config, names, io)
  return EX.ok
}

export function openConfig(words: PostconfWords, io: CliIo): Config {
  const config = readConfig({ directory: configDirectory(words.config, io) })
  if (words.overrides.length === 0) return config
  const pairs = words.overrides.map((text) => {
    const pair = splitNameValue(text)
    if (typeof pair === 'string') throw new ConfigError(`${pair}: "${text}"`, { file: '', line: 0 })
    return [pair.name, pair.value] as const
  })
  return config.with(new Map(pairs))
}

function namesOf(config: Config): Names {
  const builtin = new Set([...allParams().keys(), ...postfixParameters.map((p) => p.name)])
  const service = new Set<string>()
  for (const { name, type, command } of config.master) {
    const isAgent = AGENTS.includes(command)
    for (const { name: suffix } of transportParameters) {
      const isTimeLimit = suffix === '_time_limit'
      if (isTimeLimit ? command === 'pipe' || command === 'spawn' : isAgent) service.add(name + suffix)
    }
    if (type === 'inet') continue
  }
  for (const name of builtin) service.delete(name)
  const used = usedNames(config, namesIn)
  const user = new Set(
    config.settings.map((s) => s.name).filter((n) => !builtin.has(n) && !service.has(n) && isUsed(config, n, used)),
  )
  return { builtin, service, user }
}

/** A macro, a restriction class, a setting of a table (`name_dbpath`), or a name of older releases. */
function isUsed(config: Config, name: string, used: ReadonlySet<string>): boolean {
  if (used.has(name) || classOf(name, allParams()).kind === 'old') return true
  return config.settings.some(({ value }) =>
    [...value.matchAll(/\b(?:ldap|mysql|pgsql|sqlite|memcache):([A-Za-z]\w*)/g)].some((m) =>
      name.startsWith(`${m[1]}_`),
    ),
  )
}

function listed(config: Config, names: Names, words: PostconfWords, io: CliIo): string[] {
  const classes = words.classes ?? ['all']
  const has = (c: keyof Names): boolean => classes.includes('all') || classes.includes(c)
  const all = (['builtin', 'service', 'user'] as const).flatMap((c) => (has(c) ? [...names[c]] : []))
  const set = new Set(config.settings.map((s) => s.name))
  for (const name of config.overrides.keys()) set.add(name)
  // As in Postfix: a directory that was named counts as set.
  if (words.config !== undefined || io.env['MAIL_CONFIG'] !== undefined) set.add('config_directory')
  const chosen = words.flags.has('n') ? all.filter((n) => set.has(n)) : all
  return chosen.toSorted((a, b) => (a < b ? -1 : 1))
}

function valueOf(config: Config, name: string, names: Names, flags: ReadonlySet<string>): string | undefined {
  const isKnown = names.builtin.has(name) || names.service.has(name)
  if (!isKnown && (flags.has('d') || !names.user.has(name))) return undefined
  const spec = allParams().get(name)
  const initial = computed(config, name) ?? spec?.default ?? postfixDefault(name) ?? ''
  const text = flags.has('d') ? initial : (config.raw(name) ?? initial)
  if (!flags.has('x')) return text
  return (spec ?? postfixParameter(name))?.kind === 'raw' ? text : config.expand(text)
}

/** What the machine and the directory give: shown as it is, not as an expression. */
function computed(config: Config, name: string): string | undefined {
  if (name === 'config_directory') return config.directory
  if (name !== 'myhostname' && name !== 'mydomain' && name !== 'mynetworks' && name !== 'process_id') return undefined
  return config.raw(name) === undefined ? config.value(name) : undefined
}

function shown(name: string, value: string, flags: ReadonlySet<string>): string {
  if (flags.has('H')) return name
  return flags.has('h') ? printValue(value, flags.has('f')) : printSetting(name, value, flags.has('f'))
}

function warn(config: Config, names: Names, io: CliIo): void {
  const say = (text: string): void => io.err(`postconf: warning: ${config.file}${text}\n`)
  const before = new Map<string, string>()
  for (const { name, value, line } of config.settings) {
    const earlier = before.get(name)
    if (earlier !== undefined) say(`, line ${line}: overriding earlier entry: ${name}=${earlier}`)
    before.set(name, value)
  }
  const isKnown = (name: string): boolean => names.builtin.has(name) || names.service.has(name) || names.user.has(name)
  for (const [name, value] of before) {
    if (!isKnown(name)) say(`: unused parameter: ${name}=${value}`)
    for (const used of namesIn(value)) {
      const isOld = classOf(used, allParams()).kind === 'old'
      if (!isKnown(used) && !before.has(used) && !isOld) say(`: undefined parameter: ${used}`)
    }
    const successor = deprecatedSuccessor(name)
    if (successor === undefined) continue
    const instead = successor === '' ? 'do not specify it (leave at default)' : `specify "${successor}"`
    say(`: support for parameter "${name}" will be removed; instead, ${instead}`)
  }
}

/** -e, -X, -#: changes main.cf, keeping its comments and order. */
export function editParameters(words: PostconfWords, io: CliIo): number {
  const file = `${configDirectory(words.config, io)}/main.cf`
  const edits = new Map<string, Edit>()
  for (const text of words.names) {
    if (text.includes('\n')) throw new ConfigError('-e, -X, or -# accepts no multi-line input', { file: '', line: 0 })
    edits.set(...editOf(text, words.flags))
  }
  replaceFile(file, editMainCf(readText(file), edits))
  return EX.ok
}

function editOf(text: string, flags: ReadonlySet<string>): [string, Edit] {
  const kind = flags.has('X') ? 'remove' : flags.has('#') ? 'comment-out' : undefined
  if (kind !== undefined) {
    if (text.includes('=') || text.trim() === '')
      throw new ConfigError(`-X or -# requires names without value: "${text}"`, { file: '', line: 0 })
    return [text.trim(), { kind }]
  }
  const pair = splitNameValue(text)
  if (typeof pair === 'string') throw new ConfigError(`${pair}: "${text}"`, { file: '', line: 0 })
  return [pair.name, { kind: 'set', text: `${pair.name} = ${pair.value}` }]
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
