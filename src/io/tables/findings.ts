/** What can be told about the tables that a configuration names, before they are asked. For `postigo check`. */
import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { systemText } from '#src/base/mod.ts'
import { type Config, type Finding, type Origin, splitList } from '../config/mod.ts'
import { parseCidr } from './cidr.ts'
import { TableError } from './errors.ts'
import { INDEX_SUFFIX, INDEXED_TYPES, indexState, openIndex } from './indexed.ts'
import { insideBraces } from './braces.ts'
import { PASSWORD_FILE_TYPES } from './password-files.ts'
import { parsePatterns } from './pattern-table.ts'
import { Pcre2 } from './pcre2.ts'
import { parseKeyValue, readTableFile, type SourceWarning } from './source.ts'
import { REMOTE_TYPES, remoteFindings } from './remote/mod.ts'
import { AWAY_TYPES, splitTableName, TABLE_TYPES } from './tables.ts'

/** A table, and the setting that names it. */
interface Named {
  readonly parameter: string
  readonly at: Origin
  readonly type: string
  readonly rest: string
}

/** Settings that hold passwords or keys in tables. */
const SECRETS = /_sasl_password_maps$/

/** Caches of Postfix's own, which are neither read nor made. */
const CACHES = /_tls_session_cache_database$|^(?:address_verify_map|postscreen_cache_map|smtp_sasl_auth_cache_name)$/

/** Findings for every `type:name` in main.cf's settings and in Postfix's defaults that are not set. */
export function tableFindings(config: Config, directory: string): Finding[] {
  const library = Pcre2.open()
  const seen = new Set<string>()
  return namedTables(config).flatMap((named) => {
    const key = `${named.type}:${named.rest}`
    const isNew = !seen.has(key)
    seen.add(key)
    const file = resolve(directory, named.rest)
    return [...(isNew ? stateFindings(named, directory, library, config) : []), ...secretFindings(named, file)]
  })
}

/** Tables inside `proxy:`, `unionmap:{…}` and `pipemap:{…}` count by themselves. */
function namedTables(config: Config): Named[] {
  const named: Named[] = []
  const take = (parameter: string, at: Origin, text: string): void => {
    for (const word of splitList(text)) {
      const parts = splitTableName(word.replace(/^!/, ''))
      if (parts === undefined || !isTable(parameter, parts)) continue
      if (parts.type === 'proxy') take(parameter, at, parts.rest)
      else if (parts.type === 'unionmap' || parts.type === 'pipemap')
        take(parameter, at, insideBraces(parts.rest) ?? '')
      else named.push({ parameter, at, type: parts.type, rest: parts.rest })
    }
  }
  for (const { name, ...at } of config.settings) {
    if (config.origin(name)?.line === at.line && !CACHES.test(name)) take(name, at, config.value(name) ?? '')
  }
  if (config.raw('alias_maps') === undefined)
    take('alias_maps', { file: config.file, line: 0 }, config.value('alias_maps') ?? '')
  return named
}

/** `type:name`, not `host:port`, `smtp:[host]`, `inet:…`, or a mail address. */
function isTable(parameter: string, { type, rest }: { type: string; rest: string }): boolean {
  if (TABLE_TYPES.includes(type) || AWAY_TYPES.includes(type)) return true
  const isMaps = /_maps$|_checks$|_restrictions$|_database$|_domains$|_filter$/.test(parameter)
  return isMaps && /^[a-z]\w*$/.test(type) && (rest.startsWith('/') || rest.startsWith('{'))
}

function finding({ parameter, at }: Named, severity: Finding['severity'], text: string, proposal?: string): Finding {
  return {
    severity,
    file: at.file,
    line: at.line,
    name: parameter,
    text,
    ...(proposal === undefined ? {} : { proposal }),
  }
}

function stateFindings(named: Named, directory: string, library: Pcre2 | undefined, config: Config): Finding[] {
  const { type, rest } = named
  const file = resolve(directory, rest)
  if (AWAY_TYPES.includes(type))
    return named.at.line === 0 // Postfix's default names NIS
      ? []
      : [finding(named, 'note', `${type}:${rest}: there is no ${type.toUpperCase()} here: the table has no entries`)]
  if (!TABLE_TYPES.includes(type))
    return [
      finding(named, 'warning', `${type}:${rest}: tables of type ${type} are not supported: mail that needs it waits`),
    ]
  if (INDEXED_TYPES.includes(type)) return indexFindings(named, file)
  if (REMOTE_TYPES.includes(type)) return described(named, config, directory)
  if (PASSWORD_FILE_TYPES.includes(type)) return passwordFindings(named, file)
  if (!['texthash', 'cidr', 'pcre', 'regexp'].includes(type) || rest.startsWith('{')) return []
  try {
    return textFindings(named, file, readTableFile(file, `${type}:${rest}`), library)
  } catch (error) {
    if (!(error instanceof TableError)) throw error
    return [finding(named, 'warning', `${type}:${rest}: ${error.text}: mail that needs it waits`)]
  }
}

function passwordFindings(named: Named, file: string): Finding[] {
  const table = `${named.type}:${named.rest}`
  try {
    readTableFile(file, table)
  } catch (error) {
    if (!(error instanceof TableError)) throw error
    return [finding(named, 'warning', `${table}: ${error.text}: nobody of it can log in`)]
  }
  if ((statSync(file).mode & 0o004) === 0) return []
  return [finding(named, 'warning', `${file} holds passwords and can be read by every user`, `chmod o= ${file}`)]
}

/** Tables with settings of their own. */
function described(named: Named, config: Config, directory: string): Finding[] {
  return remoteFindings(named.type, named.rest, config, directory).map((found): Finding => {
    const { file, line, text, proposal } = found
    const at = file === undefined || line === undefined ? named.at : { file, line }
    return finding({ ...named, at }, 'warning', text, proposal)
  })
}

function indexFindings(named: Named, file: string): Finding[] {
  const { type, rest } = named
  const maker = named.parameter.startsWith('alias') ? 'newaliases' : `postmap ${type}:${rest}`
  const found: Finding[] = []
  try {
    const state = indexState(type, file)
    if (state.state === 'missing') {
      const text = `${type}:${rest} has no index (${state.index}): mail that needs it waits`
      found.push(finding(named, 'warning', text, maker))
    } else if (state.state === 'outdated') {
      const text = `${file} was changed and not indexed: what ${state.index} says counts`
      found.push(finding(named, 'warning', text, maker))
    }
    if (state.state !== 'missing') found.push(...foreignFindings(named, file, maker))
  } catch (error) {
    if (!(error instanceof TableError)) throw error
    found.push(finding(named, 'warning', `${type}:${rest}: ${error.text}: mail that needs it waits`, maker))
  }
  const text = readIfThere(file)
  if (text !== undefined && !named.parameter.startsWith('alias'))
    found.push(...warned(named, file, parseKeyValue(text).warnings))
  return found
}

/** Postfix's postmap was run after ours: what it wrote is not looked at. */
function foreignFindings(named: Named, file: string, maker: string): Finding[] {
  const { foreign, file: used } = openIndex(named.type, file)
  if (foreign) return []
  const ours = statSync(file + INDEX_SUFFIX, { throwIfNoEntry: false })
  return ['.db', '.lmdb', '.cdb'].flatMap((suffix) => {
    const theirs = statSync(file + suffix, { throwIfNoEntry: false })
    if (ours === undefined || theirs === undefined || theirs.mtimeMs <= ours.mtimeMs) return []
    const text = `${file}${suffix} is newer than ${used}: Postfix's postmap was run, and ours was not`
    return [finding(named, 'warning', text, maker)]
  })
}

function textFindings(named: Named, file: string, octets: Buffer, library: Pcre2 | undefined): Finding[] {
  const { type } = named
  if (type === 'texthash') return warned(named, file, parseKeyValue(octets).warnings)
  if (type === 'cidr') return warned(named, file, parseCidr(octets).warnings)
  return warned(named, file, parsePatterns(type === 'pcre' ? 'pcre' : 'regexp', octets, library).warnings)
}

function warned(named: Named, file: string, warnings: readonly SourceWarning[]): Finding[] {
  return warnings.map((w) => ({ severity: 'warning', file, line: w.line, name: named.parameter, text: w.text }))
}

function readIfThere(file: string): Buffer | undefined {
  try {
    return readFileSync(file)
  } catch {
    return undefined // an index may be there without its text
  }
}

/** Passwords that every user of the machine can read. */
function secretFindings(named: Named, file: string): Finding[] {
  if (!SECRETS.test(named.parameter) || named.rest.startsWith('{')) return []
  return ['', INDEX_SUFFIX, '.db', '.lmdb', '.cdb'].flatMap((suffix) => {
    const path = file + suffix
    try {
      const s = statSync(path, { throwIfNoEntry: false })
      if (s === undefined || (s.mode & 0o004) === 0) return []
      return [finding(named, 'warning', `${path} holds passwords and can be read by every user`, `chmod 600 ${path}`)]
    } catch (error) {
      return [finding(named, 'warning', `${path}: ${systemText(error)}`)]
    }
  })
}
