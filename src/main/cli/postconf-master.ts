/** postconf(1) on master.cf: entries (-M), fields (-F), parameters of -o (-P). */
import { join } from 'node:path'
import {
  checkColumns,
  type Config,
  ConfigError,
  type Edit,
  editMasterCf,
  MASTER_COLUMNS,
  type MasterEntry,
  printArgument,
  printMasterEntry,
  printSetting,
  printValue,
  readMasterEntries,
  replaceFile,
  splitFields,
  splitNameValue,
} from '../../io/config/mod.ts'
import { type CliIo, configDirectory, EX } from './io.ts'
import { openConfig, readText } from './postconf-main.ts'
import type { PostconfWords } from './postconf-words.ts'

/** The columns and the command. */
const HEAD = MASTER_COLUMNS.length

interface Opened {
  readonly file: string
  readonly text: string
  readonly entries: readonly MasterEntry[]
}

function open(words: PostconfWords, io: CliIo): Opened {
  const file = join(configDirectory(words.config, io), 'master.cf')
  const text = readText(file)
  return { file, text, entries: readMasterEntries(text, file) }
}

const NOWHERE = { file: '', line: 0 }
const fault = (text: string): ConfigError => new ConfigError(text, NOWHERE)

/** `service`, `service/type`, `service/type/what`; `*` for any. */
function matches(pattern: readonly string[], parts: readonly string[]): boolean {
  return pattern.every((p, i) => p === '*' || p === parts[i])
}

/** Calls `print` for what the names ask for, each in its order; no names ask for all. */
function forEachAsked(
  words: PostconfWords,
  io: CliIo,
  rows: readonly { readonly path: readonly string[]; readonly print: () => string }[],
): number {
  for (const name of words.names.length > 0 ? words.names : ['*']) {
    const found = rows.filter((row) => matches(name.split('/'), row.path))
    for (const row of found) io.out(`${row.print()}\n`)
    if (found.length === 0 && words.names.length > 0) io.err(`postconf: warning: unmatched request: "${name}"\n`)
  }
  return EX.ok
}

export function showEntries(words: PostconfWords, io: CliIo): number {
  const { entries } = open(words, io)
  const config = words.flags.has('x') ? openConfig(words, io) : undefined
  const rows = entries.map(({ fields }) => ({
    path: fields.slice(0, 2),
    print: () => printMasterEntry(expandOptions(fields, config), words.flags.has('f')),
  }))
  return forEachAsked(words, io, rows)
}

/** -x: what stands behind -o, expanded; a command's own `${recipient}` is for later. */
function expandOptions(fields: readonly string[], config: Config | undefined): readonly string[] {
  if (config === undefined) return fields
  return fields.map((field, i) => (i > HEAD && fields[i - 1] === '-o' ? config.expand(field) : field))
}

export function showFields(words: PostconfWords, io: CliIo): number {
  const { entries } = open(words, io)
  const rows = entries.flatMap(({ fields }) =>
    MASTER_COLUMNS.map((column, i) => {
      const path = [fields[0] ?? '', fields[1] ?? '', column]
      const value = i < HEAD - 1 ? (fields[i] ?? '') : fields.slice(i).map(printArgument).join(' ')
      return { path, print: () => shown(path.join('/'), value, words) }
    }),
  )
  return forEachAsked(words, io, rows)
}

export function showServiceParameters(words: PostconfWords, io: CliIo): number {
  const { entries } = open(words, io)
  const config = words.flags.has('x') ? openConfig(words, io) : undefined
  const rows = entries.flatMap(({ fields }) =>
    [...optionsOf(fields)]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, value]) => {
        const path = [fields[0] ?? '', fields[1] ?? '', name]
        return { path, print: () => shown(path.join('/'), config?.expand(value) ?? value, words) }
      }),
  )
  return forEachAsked(words, io, rows)
}

function shown(name: string, value: string, { flags }: PostconfWords): string {
  if (flags.has('H')) return name
  return flags.has('h') ? printValue(value, flags.has('f')) : printSetting(name, value, flags.has('f'))
}

/** The -o settings among the arguments, the last of a name counting. */
function optionsOf(fields: readonly string[]): Map<string, string> {
  const options = new Map<string, string>()
  for (let i = HEAD; i + 1 < fields.length; i++) {
    if (fields[i] !== '-o') continue
    const pair = splitNameValue(fields[++i] ?? '')
    if (typeof pair !== 'string') options.set(pair.name, pair.value)
  }
  return options
}

/** -Me, -MX, -M#: whole entries. */
export function editEntries(words: PostconfWords, io: CliIo): number {
  const { file, text } = open(words, io)
  const edits = new Map<string, Edit>()
  for (const word of words.names) {
    const equals = word.indexOf('=')
    const name = (words.flags.has('e') ? word.slice(0, Math.max(0, equals)) : word).trim()
    if (!/^[^/]+\/[^/]+$/.test(name)) throw fault('-Me, -MX or -M# requires service_name/type')
    if (!words.flags.has('e')) {
      edits.set(name, { kind: words.flags.has('X') ? 'remove' : 'comment-out' })
      continue
    }
    const fields = splitFields(word.slice(equals + 1))
    if (fields.length < HEAD) throw fault(`bad field count: "${word}"`)
    checkColumns(fields, word, NOWHERE)
    edits.set(name, { kind: 'set', text: printMasterEntry(fields, true) })
  }
  replaceFile(file, editMasterCf(text, edits))
  return EX.ok
}

/** -Fe: single fields. */
export function editFields(words: PostconfWords, io: CliIo): number {
  return editEach(words, io, 3, (fields, column, value) => {
    const at = MASTER_COLUMNS.indexOf(column)
    if (at < 0) throw fault(`invalid service attribute name: "${column}"`)
    if (column === 'command') return [...fields.slice(0, at), ...splitFields(value ?? '')]
    const changed = fields.with(at, value ?? '')
    checkColumns(changed, value ?? '', NOWHERE)
    return changed
  })
}

/** -Pe, -PX: parameters of -o. */
export function editServiceParameters(words: PostconfWords, io: CliIo): number {
  return editEach(words, io, 3, (fields, name, value) => {
    if (value !== undefined && /[ \t]/.test(value)) throw fault('-Pe does not accept whitespace in parameter value')
    const kept = fields.slice(0, HEAD)
    for (let i = HEAD; i < fields.length; i++) {
      const isSame = fields[i] === '-o' && (fields[i + 1] ?? '').split('=')[0]?.trim() === name
      if (isSame) i++
      else kept.push(fields[i] ?? '')
    }
    return value === undefined ? kept : [...kept, '-o', `${name}=${value}`]
  })
}

/** Changes what `service/type/what=value` names in every entry that matches. */
function editEach(
  words: PostconfWords,
  io: CliIo,
  depth: number,
  change: (fields: string[], what: string, value: string | undefined) => string[],
): number {
  const { file, text, entries } = open(words, io)
  const changed = new Map(entries.map((e) => [e, [...e.fields]]))
  for (const word of words.names) {
    const equals = words.flags.has('e') ? word.indexOf('=') : word.length
    const path = word.slice(0, Math.max(0, equals)).trim().split('/')
    if (equals < 0 || path.length !== depth)
      throw fault(`need service_name/type/name${equals < 0 ? '=value' : ''}: "${word}"`)
    const found = entries.filter((e) => matches(path.slice(0, 2), e.fields))
    if (found.length === 0) io.err(`postconf: warning: unmatched service_name/type: "${word}"\n`)
    const value = words.flags.has('e') ? word.slice(equals + 1).trim() : undefined
    for (const entry of found) changed.set(entry, change(changed.get(entry) ?? [], path[2] ?? '', value))
  }
  const edits = new Map<string, Edit>()
  for (const [entry, fields] of changed) {
    const isSame = fields.length === entry.fields.length && fields.every((f, i) => f === entry.fields[i])
    if (!isSame) edits.set(entry.fields.slice(0, 2).join('/'), { kind: 'set', text: printMasterEntry(fields, true) })
  }
  replaceFile(file, editMasterCf(text, edits))
  return EX.ok
}
