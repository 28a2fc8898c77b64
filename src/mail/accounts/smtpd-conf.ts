/**
 * Cyrus SASL's configuration of an application, `smtpd.conf` for Postfix: who checks passwords, and which mechanisms
 * are offered. `key: value` lines; a `#` begins a comment.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { mechanismNames } from '../../formats/sasl/mod.ts'
import type { Finding } from '../../io/config/mod.ts'

/** Whoever can be asked about a password. */
export type PasswordSource = 'accounts' | 'saslauthd'

export interface SaslConf {
  /** Undefined: no file was found, and Cyrus's defaults hold. */
  readonly file: string | undefined
  /** Asked in turn. */
  readonly sources: readonly PasswordSource[]
  readonly saslauthdPath: string
  /** The mechanisms to offer, in order; undefined: all. */
  readonly mechList: readonly string[] | undefined
  readonly findings: readonly Finding[]
}

/** Where Debian's saslauthd listens. */
const SASLAUTHD_PATH = '/var/run/saslauthd/mux'

/** Words of pwcheck_method. `sasldb` is SASL 1's. */
const SOURCES: Readonly<Record<string, PasswordSource>> = {
  auxprop: 'accounts',
  sasldb: 'accounts',
  saslauthd: 'saslauthd',
}

/**
 * Directories in the order in which Postfix with Cyrus looks; the first that has the file counts.
 * @param configured cyrus_sasl_config_path: these alone, colons between
 */
export function saslSearchPath(configDirectory: string, configured = ''): readonly string[] {
  if (configured !== '') return configured.split(':').filter((directory) => directory !== '')
  return [join(configDirectory, 'sasl'), '/etc/sasl2', '/usr/lib/sasl2', '/usr/lib/sasl']
}

/** Reads `<application>.conf` (application: `smtpd_sasl_path`). Never throws: what is wrong is in `findings`. */
export function readSaslConf(application: string, searchPath: readonly string[]): SaslConf {
  for (const directory of searchPath) {
    const file = join(directory, `${application}.conf`)
    try {
      return parseSaslConf(file, readFileSync(file, 'utf8'))
    } catch (error) {
      if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) continue
      const text = `cannot be read (${error instanceof Error ? error.message : String(error)}); nobody could authenticate`
      return { ...parseSaslConf(file, ''), findings: [{ severity: 'error', file, line: 0, name: '', text }] }
    }
  }
  return { ...parseSaslConf('', ''), file: undefined }
}

interface Line {
  readonly line: number
  readonly name: string
  readonly value: string
}

export function parseSaslConf(file: string, text: string): SaslConf {
  const findings: Finding[] = []
  const report: Report = (severity, { line, name }, words, proposal) =>
    void findings.push({ severity, file, line, name, text: words, ...(proposal !== undefined && { proposal }) })
  const settings = new Map<string, Line>()
  for (const setting of linesOf(text, report)) {
    const earlier = settings.get(setting.name)
    // Cyrus takes the first of two.
    if (earlier) report('warning', setting, `is set again; line ${earlier.line} counts`)
    else settings.set(setting.name, setting)
  }
  for (const setting of settings.values()) if (!KNOWN.has(setting.name)) reportOther(setting, report)
  return {
    file,
    sources: sourcesOf(settings.get('pwcheck_method'), report),
    saslauthdPath: settings.get('saslauthd_path')?.value ?? SASLAUTHD_PATH,
    mechList: mechListOf(settings.get('mech_list'), report),
    findings,
  }
}

type Report = (severity: Finding['severity'], at: Pick<Line, 'line' | 'name'>, text: string, proposal?: string) => void

const KNOWN = new Set(['pwcheck_method', 'saslauthd_path', 'mech_list'])

function* linesOf(text: string, report: Report): Generator<Line> {
  for (const [index, raw] of text.split('\n').entries()) {
    const content = raw.trim()
    if (content === '' || content.startsWith('#')) continue
    const [, name, value] = /^([A-Za-z0-9_-]+)\s*:\s*(.*)$/.exec(content) ?? []
    const line = index + 1
    if (name === undefined || value === undefined || value === '')
      report('error', { line, name: name ?? '' }, 'is not "name: value"; Cyrus SASL would refuse the whole file')
    else yield { line, name: name.toLowerCase(), value }
  }
}

function sourcesOf(setting: Line | undefined, report: Report): PasswordSource[] {
  // Cyrus's default is auxprop.
  if (!setting) return ['accounts']
  const sources: PasswordSource[] = []
  for (const word of setting.value.split(/[\s,]+/)) {
    const source = SOURCES[word.toLowerCase()]
    if (word.toLowerCase() === 'sasldb')
      report(
        'note',
        setting,
        'sasldb is the word of Cyrus SASL 1; it asks the accounts here, as auxprop does, and saslauthd need not run',
        'pwcheck_method: auxprop',
      )
    if (source && !sources.includes(source)) sources.push(source)
    if (!source)
      report(
        'error',
        setting,
        `"${word}" is no way to check passwords here; nobody could authenticate`,
        'pwcheck_method: auxprop',
      )
  }
  return sources
}

function mechListOf(setting: Line | undefined, report: Report): string[] | undefined {
  if (!setting) return undefined
  const words = setting.value.toUpperCase().split(/[\s,]+/)
  for (const word of words)
    if (!mechanismNames.includes(word))
      report('warning', setting, `mechanism ${word} is not spoken here and will not be offered`)
  return words
}

/** What Cyrus knows and we do not obey: an error where obeying would change who can log in. */
function reportOther(setting: Line, report: Report): void {
  const { name, value } = setting
  if (name === 'auxprop_plugin') {
    if (value.toLowerCase() === 'sasldb') return // the accounts, as by default
    report(
      'error',
      setting,
      `passwords cannot be read from "${value}"; only accounts are asked`,
      'auxprop_plugin: sasldb',
    )
  } else if (name === 'sasldb_path')
    report(
      'warning',
      setting,
      'is not read: passwords are in the account store (saslpasswd2, postigo account); password_maps can ask the file',
    )
  else report('warning', setting, 'has no effect here')
}
