/** postconf(1) on main.cf: what is set, what is not, and what that means. */
import { postfixDefault, printFolded, printSetting } from '../../io/config/mod.ts'
import { allParams } from '../registry.ts'
import { type CliIo, EX } from './io.ts'
import { isRaw, Names } from './postconf-names.ts'
import { type Opened, openFiles } from './postconf-open.ts'
import type { PostconfWords } from './postconf-words.ts'

export function showParameters(words: PostconfWords, io: CliIo): number {
  const { flags } = words
  const opened = openFiles(words, io)
  const names = new Names(opened)
  if (!flags.has('d')) for (const text of names.findUsed()) opened.warn(text)
  const isGiven = words.config !== undefined || io.env['MAIL_CONFIG'] !== undefined
  for (const name of words.names.length > 0 ? words.names : listed(opened, names, words, isGiven)) {
    if (!names.isKnown(name)) opened.warn(`${name}: unknown parameter`)
    else if (!flags.has('n') || isSet(opened, name, isGiven))
      io.out(`${shown(name, valueOf(opened, name, flags), flags)}\n`)
  }
  if (flags.has('q') || flags.has('d')) return EX.ok
  for (const text of [...names.unusedInMain(), ...names.unusedInMaster()]) opened.warn(text)
  return EX.ok
}

/** As in Postfix, a configuration directory that was named counts as set. */
function isSet({ config }: Opened, name: string, isGiven: boolean): boolean {
  return config.raw(name) !== undefined || (name === 'config_directory' && isGiven)
}

function listed(opened: Opened, names: Names, words: PostconfWords, isGiven: boolean): string[] {
  const classes = words.classes ?? ['all']
  const kinds = ['builtin', 'service', 'user'] as const
  const all = kinds.flatMap((kind) => (classes.includes('all') || classes.includes(kind) ? [...names[kind]] : []))
  const chosen = words.flags.has('n') ? all.filter((name) => isSet(opened, name, isGiven)) : all
  return chosen.toSorted((a, b) => (a < b ? -1 : 1))
}

function valueOf({ config }: Opened, name: string, flags: ReadonlySet<string>): string {
  const initial = allParams().get(name)?.default ?? postfixDefault(name) ?? ''
  const text = fromMachine(name, config.directory, flags) ?? config.raw(name) ?? computed(config, name) ?? initial
  return flags.has('x') && !isRaw(name) ? config.expand(text) : text
}

function fromMachine(name: string, directory: string, flags: ReadonlySet<string>): string | undefined {
  if (name === 'config_directory') return flags.has('d') ? '/etc/postfix' : directory
  return name === 'process_name' ? 'postconf' : undefined
}

/** What the machine gives where nothing is set: shown as it is, not as an expression. */
function computed(config: Opened['config'], name: string): string | undefined {
  const isComputed = name === 'myhostname' || name === 'mydomain' || name === 'mynetworks' || name === 'process_id'
  return isComputed ? config.value(name) : undefined
}

function shown(name: string, value: string, flags: ReadonlySet<string>): string {
  if (flags.has('H')) return name
  return flags.has('h') ? printFolded(value, flags.has('f')) : printSetting(name, value, flags.has('f'))
}
