/** master.cf: one service a logical line; master(5). */
import type { MasterService, Origin } from './contract.ts'
import { ConfigError } from './errors.ts'
import { isBlank, readLogicalLines, trimBlanks } from './logical-lines.ts'
import { splitNameValue } from './name-value.ts'
import { servicePort } from './services.ts'

const TYPES = ['inet', 'unix', 'unix-dgram', 'fifo', 'pass'] as const

/** The columns before the command: name, type, private, unprivileged, chroot, wakeup, maxproc. */
const COLUMNS = 7

/** What Postigo listens on where there is no master.cf: the services of Postfix's own file that receive mail. */
const DEFAULT_MASTER = `
smtp        inet n - n - - smtpd
submission  inet n - n - - smtpd
  -o syslog_name=postfix/submission
  -o smtpd_tls_security_level=may
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_client_restrictions=
  -o smtpd_helo_restrictions=
  -o smtpd_sender_restrictions=$mua_sender_restrictions
  -o smtpd_relay_restrictions=
  -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject
submissions inet n - n - - smtpd
  -o syslog_name=postfix/submissions
  -o smtpd_tls_wrappermode=yes
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_client_restrictions=
  -o smtpd_helo_restrictions=
  -o smtpd_sender_restrictions=$mua_sender_restrictions
  -o smtpd_relay_restrictions=
  -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject
`

/** The services that run where there is no master.cf: smtp 25, submission 587, submissions 465. */
export function defaultMaster(): readonly MasterService[] {
  return parseMaster(DEFAULT_MASTER, 'master.cf (built in)')
}

/** Reads a master.cf. Throws ConfigError at the first line that Postfix's master would not take. */
export function parseMaster(text: string, file: string): readonly MasterService[] {
  return readMasterEntries(text, file).map((entry) => {
    const [name = '', , , , , wakeup = '-', limit = '-', command = ''] = entry.fields
    const type = TYPES.find((t) => t === entry.fields[1]) ?? 'unix' // checked by readMasterEntries
    const flag = (column: number, initial: boolean): boolean => {
      const field = entry.fields[column]
      return field === '-' ? initial : field === 'y'
    }
    return {
      name,
      type,
      ...(type === 'inet' ? endpoint(name, entry) : {}),
      private: flag(2, true),
      unprivileged: flag(3, true),
      chroot: flag(4, false), // `-` means no since Postfix 3.0 (compatibility_level 1)
      wakeup: wakeup === '-' ? '0' : wakeup,
      maxProcesses: limit === '-' ? -1 : Number(limit),
      command,
      ...options(entry.fields.slice(COLUMNS + 1), entry),
      origin: { file: entry.file, line: entry.line },
    }
  })
}

/** One entry as fields: the columns, the command, then its arguments, `{ … }` without the braces. */
export interface MasterEntry extends Origin {
  readonly fields: readonly string[]
  readonly lastLine: number
}

/** Reads the entries and checks their columns. Throws ConfigError. */
export function readMasterEntries(text: string, file: string): readonly MasterEntry[] {
  return readLogicalLines(text).lines.map((line) => {
    const fields = splitFields(line.text)
    checkColumns(fields, line.text, { file, line: line.line })
    return { fields, file, line: line.line, lastLine: line.lastLine }
  })
}

/** What each column may hold, in postconf's names. */
const COLUMN_FORMS: readonly (readonly [name: string, form: RegExp])[] = [
  ['service', /./],
  ['type', new RegExp(`^(?:${TYPES.join('|')})$`)],
  ['private', /^[-yn]$/],
  ['unprivileged', /^[-yn]$/],
  ['chroot', /^[-yn]$/],
  ['wakeup', /^(?:-|\d+\??)$/],
  ['process_limit', /^(?:-|\d+)$/],
  ['command', /./],
]

/** The columns' names, command last, as `postconf -F` has them. */
export const MASTER_COLUMNS: readonly string[] = COLUMN_FORMS.map(([name]) => name)

/** Throws ConfigError for the first column that Postfix's master would not take. */
export function checkColumns(fields: readonly string[], text: string, at: Origin): void {
  if (fields.length < COLUMN_FORMS.length) throw new ConfigError('bad field count', at)
  for (const [i, [name, form]] of COLUMN_FORMS.entries()) {
    const field = fields[i] ?? ''
    if (!form.test(field)) throw new ConfigError(`invalid ${name} field "${field}" in "${text}"`, at)
  }
}

/** White-space separated fields, `{ … }` kept together; what stands behind the command in one form: see `oneForm`. */
export function splitFields(text: string): string[] {
  const fields = splitWords(text)
  return [...fields.slice(0, COLUMNS + 1), ...oneForm(fields.slice(COLUMNS + 1))]
}

/** Words between blanks; a blank inside `{ … }` parts nothing. */
function splitWords(text: string): string[] {
  const words: string[] = []
  let from = -1
  let depth = 0
  for (let at = 0; at <= text.length; at++) {
    const c = at < text.length ? text.charCodeAt(at) : undefined
    if (c === undefined || (depth === 0 && isBlank(c))) {
      if (from >= 0) words.push(text.slice(from, at))
      from = -1
      continue
    }
    if (from < 0) from = at
    if (c === 0x7b) depth++
    else if (c === 0x7d && depth > 0) depth--
  }
  return words
}

/** `-oname=value`, `-o { name = value }` and `-vo …` as `-o` and `name=value`; other `{ … }` without the braces. */
function oneForm(args: readonly string[]): string[] {
  const out: string[] = []
  let at = 0
  for (; at < args.length; at++) {
    const arg = args[at] ?? ''
    if (!arg.startsWith('-') || arg === '--') break
    const o = arg.indexOf('o')
    if (o > 1) out.push(arg.slice(0, o))
    if (o < 0) {
      out.push(arg)
      continue
    }
    out.push('-o')
    const value = o + 1 < arg.length ? arg.slice(o + 1) : args[++at]
    if (value !== undefined) out.push(value.startsWith('{') ? asNameValue(withoutBraces(value)) : value)
  }
  return [...out, ...args.slice(at).map((arg) => (arg.startsWith('{') ? withoutBraces(arg) : arg))]
}

function withoutBraces(word: string): string {
  return trimBlanks(word.slice(1, word.endsWith('}') ? -1 : undefined))
}

function asNameValue(text: string): string {
  const pair = splitNameValue(text)
  return typeof pair === 'string' ? text : `${pair.name}=${pair.value}`
}

/** `-o name=value`, `-v`; the rest are the command's own arguments. */
function options(args: readonly string[], at: Origin): Pick<MasterService, 'args' | 'overrides' | 'verbose'> {
  const overrides = new Map<string, string>()
  const others: string[] = []
  let verbose = 0
  let i = 0
  for (; i < args.length; i++) {
    const arg = args[i] ?? ''
    if (!arg.startsWith('-') || arg === '--') break
    if (arg === '-o') {
      const text = args[++i]
      if (text === undefined) throw new ConfigError('-o without a name=value', at)
      const setting = splitNameValue(text)
      if (typeof setting === 'string') throw new ConfigError(`${setting}: "${text}"`, at)
      overrides.delete(setting.name)
      overrides.set(setting.name, setting.value)
    } else if (/^-v+$/.test(arg)) verbose += arg.length - 1
    else others.push(arg)
  }
  return { args: [...others, ...args.slice(args[i] === '--' ? i + 1 : i)], overrides, verbose }
}

/** `smtp`, `10025`, `127.0.0.1:smtp`, `[::1]:587`: where an inet service listens. */
function endpoint(name: string, at: Origin): { host?: string; port: number } {
  const m = /^(?:(\[[^\]]*\]|[^:]*):)?([^:]+)$/.exec(name)
  const port = servicePort(m?.[2] ?? '')
  if (m === null || port === undefined) throw new ConfigError(`bad service name or port: "${name}"`, at)
  const host = m[1]?.replace(/^\[|\]$/g, '')
  return host === undefined || host === '' ? { port } : { host, port }
}
