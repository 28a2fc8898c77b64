/** postconf(1) on master.cf: entries (-M), fields (-F), parameters of -o (-P). */
import { MASTER_COLUMNS, printFolded, printMasterEntry, printMasterField, printSetting } from '../../io/config/mod.ts'
import { type CliIo, EX } from './io.ts'
import { fault } from './postconf-edit.ts'
import { Names } from './postconf-names.ts'
import { openFiles, type Scope } from './postconf-open.ts'
import type { PostconfWords } from './postconf-words.ts'

/** `service/type/what`; `*` stands for any, alone. undefined: not of this form. */
export function servicePattern(text: string, least: number, most: number): string[] | undefined {
  const parts = text.split('/').filter((part) => part !== '')
  const isForm = !text.startsWith('/') && parts.length >= least && parts.length <= most
  if (!isForm || parts.some((part) => part !== '*' && part.includes('*'))) return undefined
  return [...parts, ...Array.from({ length: most - parts.length }, () => '*')]
}

/** Whether service and type of an entry are those of a pattern. */
export function matchesEntry(pattern: readonly string[], fields: readonly string[]): boolean {
  return [0, 1].every((i) => pattern[i] === '*' || pattern[i] === fields[i])
}

/** What -M, -F and -P have in common: a pattern's depth, and what an entry has for its last part. */
interface View {
  readonly depth: number
  readonly usage: string
  /** Throws where the last part of a pattern cannot be. */
  readonly checkPart?: (part: string) => void
  /** The lines for a part, or for all where it is `*`. */
  readonly lines: (scope: Scope, part: string) => string[]
}

function show(words: PostconfWords, io: CliIo, view: View): number {
  const opened = openFiles(words, io)
  const names = new Names(opened)
  for (const text of names.findUsed()) opened.warn(text)
  const asked = words.names.map((text) => {
    const pattern = servicePattern(text, 1, view.depth)
    if (pattern === undefined) throw fault(view.usage)
    if (view.depth === 3) view.checkPart?.(pattern[2] ?? '*')
    return { text, pattern, isFound: false }
  })
  for (const scope of opened.scopes) {
    if (asked.length === 0) io.out(joined(view.lines(scope, '*')))
    for (const one of asked) {
      if (!matchesEntry(one.pattern, scope.entry.fields)) continue
      const lines = view.lines(scope, one.pattern[2] ?? '*')
      if (lines.length > 0) one.isFound = true
      io.out(joined(lines))
    }
  }
  for (const { text, isFound } of asked) if (!isFound) opened.warn(`unmatched request: "${text}"`)
  if (!words.flags.has('q')) for (const text of names.unusedInMaster()) opened.warn(text)
  return EX.ok
}

function joined(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('')
}

export function showEntries(words: PostconfWords, io: CliIo): number {
  return show(words, io, {
    depth: 2,
    usage: '-M option requires service_name[/type]',
    lines: (scope) => [printMasterEntry(scope.entry.fields, printing(words, scope))],
  })
}

export function showFields(words: PostconfWords, io: CliIo): number {
  const { flags } = words
  return show(words, io, {
    depth: 3,
    usage: '-F option requires service_name[/type[/field]]',
    checkPart: (part) => {
      if (part !== '*' && !MASTER_COLUMNS.includes(part)) throw fault(`invalid service attribute name: "${part}"`)
    },
    lines: (scope, part) =>
      MASTER_COLUMNS.flatMap((column, i) => {
        if (part !== '*' && part !== column) return []
        const { fields } = scope.entry
        const name = `${fields[0]}/${fields[1]}/${column}`
        if (flags.has('H')) return [name]
        return [printMasterField(flags.has('h') ? '' : name, fields, i, printing(words, scope))]
      }),
  })
}

export function showServiceParameters(words: PostconfWords, io: CliIo): number {
  const { flags } = words
  return show(words, io, {
    depth: 3,
    usage: '-P option requires service_name[/type[/parameter]]',
    lines: (scope, part) =>
      [...scope.settings]
        .filter(([name]) => part === '*' || part === name)
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, value]) => {
          const path = `${scope.entry.fields[0]}/${scope.entry.fields[1]}/${name}`
          const text = flags.has('x') ? scope.expand(value) : value
          if (flags.has('H')) return path
          return flags.has('h') ? printFolded(text, flags.has('f')) : printSetting(path, text, flags.has('f'))
        }),
  })
}

/** -f folds, -x expands what stands behind -o; a command's own `${recipient}` is for later. */
function printing({ flags }: PostconfWords, scope: Scope): Parameters<typeof printMasterEntry>[1] {
  return { fold: flags.has('f'), ...(flags.has('x') ? { value: scope.expand } : {}) }
}
