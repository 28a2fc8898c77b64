/** MySQL's option files: `[client]` and another group, as its client library reads them. */
import { readdirSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'

/** Where the library looks without being told. */
const USUAL = ['/etc/my.cnf', '/etc/mysql/my.cnf', join(homedir(), '.my.cnf')]
/** `!include` inside an included file, and so on, so deep. */
const MOST_DEPTH = 8

/** Options of the groups; of an option that is there twice the last counts. `_` and `-` are one in names. */
export function readOptionFiles(file: string, groups: readonly string[]): ReadonlyMap<string, string> {
  const options = new Map<string, string>()
  for (const path of file === '' ? USUAL : [file]) readInto(options, path, new Set(groups), 0)
  return options
}

function readInto(options: Map<string, string>, path: string, groups: ReadonlySet<string>, depth: number): void {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    return // the library passes over files that are not there for it
  }
  let isOurs = false
  for (const line of text.split('\n').map((l) => l.trim())) {
    const [, directive = '', target = ''] = /^!(include|includedir)\s+(.+)$/.exec(line) ?? []
    if (directive !== '' && depth < MOST_DEPTH)
      for (const included of filesOf(directive, resolve(dirname(path), target)))
        readInto(options, included, groups, depth + 1)
    const group = /^\[\s*([^\]]*?)\s*\]/.exec(line)?.[1]
    if (group !== undefined) isOurs = groups.has(group)
    else if (isOurs && /^[A-Za-z]/.test(line)) options.set(...optionOf(line))
  }
}

function filesOf(directive: string, target: string): string[] {
  if (directive === 'include') return [target]
  try {
    const names = readdirSync(target).filter((name) => name.endsWith('.cnf'))
    return names.toSorted().map((name) => join(target, name))
  } catch {
    return []
  }
}

function optionOf(line: string): [name: string, value: string] {
  const [, name = line, value = ''] = /^([^=]*?)\s*=\s*(.*)$/.exec(line) ?? []
  return [name.trim().replaceAll('_', '-'), unquoted(value.replace(/\s+#.*$/, ''))]
}

function unquoted(value: string): string {
  const [, , inside] = /^(["'])(.*)\1$/.exec(value) ?? []
  return (inside ?? value).replace(/\\([bnrts\\])/g, (_, c: string) => ESCAPES[c] ?? c)
}

const ESCAPES: Readonly<Record<string, string>> = { b: '\b', n: '\n', r: '\r', t: '\t', s: ' ', '\\': '\\' }
