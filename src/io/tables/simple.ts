/** Tables without a file: `static:`, `inline:`, `environ:`, `randmap:`, `fail:`, and `nis:`, which is away. */
import { splitNameValue, trimBlanks } from '../config/mod.ts'
import { insideBraces, itemsOf } from './braces.ts'
import type { Table } from './contract.ts'
import { TableError } from './errors.ts'
import { foldKey } from './fold.ts'

/** The same result for every key. */
export function staticTable(name: string): Table {
  const value = insideBraces(name) ?? name
  return { name: `static:${name}`, type: 'static', fixed: true, get: () => value }
}

/** `inline:{key=value, { key = text with blanks }}`; the last of a key counts. */
export function inlineTable(name: string): Table {
  const full = `inline:${name}`
  const fault = (text: string): TableError =>
    new TableError('configuration', full, `${text}: "${full}"; need "inline:{name=value...}"`)
  const entries = new Map<string, string>()
  for (const item of itemsOf('inline', name, 'name=value')) {
    if (/^\{.*\}./s.test(item) && insideBraces(item) === undefined) throw fault(`syntax error after '}' in "${item}"`)
    const pair = splitNameValue(insideBraces(item) ?? item)
    if (typeof pair === 'string') throw fault(pair)
    entries.set(foldKey(pair.name), pair.value)
  }
  const get = (key: string): string | undefined => entries.get(foldKey(key))
  return { name: full, type: 'inline', fixed: true, get, entries: () => entries }
}

/** The environment that the server was started with. Case matters there, so keys are not folded. */
export function environTable(name: string, environment: Readonly<Record<string, string | undefined>>): Table {
  return { name: `environ:${name}`, type: 'environ', fixed: true, get: (key) => environment[key] }
}

/** `randmap:{a, b}`: one of them by chance, whatever the key. */
export function randTable(name: string, random: () => number = Math.random): Table {
  const values = itemsOf('randmap', name, 'value').map((v) => trimBlanks(v))
  return {
    name: `randmap:${name}`,
    type: 'randmap',
    fixed: false,
    get: () => values[Math.floor(random() * values.length)],
  }
}

/** Always fails for now: for tests of what happens then. */
export function failTable(name: string): Table {
  const full = `fail:${name}`
  return {
    name: full,
    type: 'fail',
    fixed: false,
    get() {
      throw new TableError('unavailable', full, 'query error')
    },
  }
}

/**
 * `nis:` was a default of alias_maps for thirty years and is away nearly everywhere: it has no entries here, and
 * `check` says so, rather than deferring all mail.
 */
export function awayTable(type: string, name: string): Table {
  return { name: `${type}:${name}`, type, fixed: true, get: () => undefined }
}
