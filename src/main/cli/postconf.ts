/** postconf(1): parameters as set, by default or by name; -e changes main.cf. */
import { join } from 'node:path'
import { type Config, postfixDefault, postfixParameters } from '../../io/config/mod.ts'
import { INDEXED_TYPES } from '../../io/tables/mod.ts'
import { allParams } from '../registry.ts'
import { readConfig } from '../server/rooms.ts'
import { type CliIo, type Command, configDirectory, EX } from './io.ts'
import { setParameter } from './service.ts'

const USAGE = `usage: postconf [-c DIR] [-dhnx] [NAME ...]
       postconf [-c DIR] -e NAME=VALUE ...
       postconf -m

  -d  defaults instead of what is set      -n  only what main.cf sets
  -h  values without names                 -x  $name expanded
  -e  sets parameters in main.cf           -m  types of lookup tables
`

const OTHER_TYPES = [
  'cidr',
  'environ',
  'fail',
  'inline',
  'pipemap',
  'proxy',
  'randmap',
  'static',
  'texthash',
  'unionmap',
  'unix',
]

interface Words {
  readonly flags: ReadonlySet<string>
  readonly directory: string
  readonly names: readonly string[]
}

function wordsOf(argv: readonly string[], io: CliIo): Words | undefined {
  const flags = new Set<string>()
  const names: string[] = []
  let config: string | undefined
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i]!
    if (word === '-c') config = argv[++i]
    else if (/^-[dhnxem]+$/.test(word)) for (const flag of word.slice(1)) flags.add(flag)
    else if (word.startsWith('-')) return undefined
    else names.push(word)
  }
  return { flags, directory: configDirectory(config, io), names }
}

export const postconf: Command = (argv, io) => {
  const words = wordsOf(argv, io)
  if (words === undefined) {
    io.err(USAGE)
    return Promise.resolve(EX.usage)
  }
  if (words.flags.has('m')) {
    io.out(
      [...INDEXED_TYPES, ...OTHER_TYPES]
        .toSorted()
        .map((type) => `${type}\n`)
        .join(''),
    )
    return Promise.resolve(EX.ok)
  }
  return Promise.resolve(words.flags.has('e') ? edit(words, io) : show(words, io))
}

function edit({ directory, names }: Words, io: CliIo): number {
  for (const pair of names) {
    const equals = pair.indexOf('=')
    if (equals < 1) {
      io.err(`postconf: fatal: missing '=' after attribute name: "${pair}"\n`)
      return 1
    }
    setParameter(join(directory, 'main.cf'), pair.slice(0, equals).trim(), pair.slice(equals + 1).trim())
  }
  return EX.ok
}

function show({ flags, directory, names }: Words, io: CliIo): number {
  const config = readConfig({ directory })
  let code: number = EX.ok
  for (const name of names.length > 0 ? names : known(config, flags.has('n'))) {
    const value = valueOf(config, name, flags)
    if (value === undefined) {
      io.err(`postconf: warning: ${name}: unknown parameter\n`)
      code = 1
    } else io.out(flags.has('h') ? `${value}\n` : `${name} = ${value}`.trimEnd() + '\n')
  }
  return code
}

function known(config: Config, onlySet: boolean): string[] {
  const set = config.settings.map((setting) => setting.name)
  const all = onlySet ? set : [...allParams().keys(), ...postfixParameters.map((parameter) => parameter.name), ...set]
  return [...new Set(all)].toSorted((a, b) => (a < b ? -1 : 1))
}

function valueOf(config: Config, name: string, flags: ReadonlySet<string>): string | undefined {
  const own = allParams().get(name)?.default
  const unset = own ?? postfixDefault(name)
  const text = flags.has('d') ? unset : (config.raw(name) ?? unset)
  if (text === undefined) return undefined
  return flags.has('x') ? config.expand(text) : text
}
