/** master.cf: one service a logical line; master(5). */
import type { MasterService, Origin } from './contract.ts'
import { ConfigError } from './errors.ts'
import { readLogicalLines, trimBlanks, type LogicalLine } from './logical-lines.ts'
import { splitNameValue } from './name-value.ts'
import { servicePort } from './services.ts'
import { splitList } from './values.ts'

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
  -o smtpd_sender_restrictions=
  -o smtpd_relay_restrictions=
  -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject
submissions inet n - n - - smtpd
  -o syslog_name=postfix/submissions
  -o smtpd_tls_wrappermode=yes
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_client_restrictions=
  -o smtpd_helo_restrictions=
  -o smtpd_sender_restrictions=
  -o smtpd_relay_restrictions=
  -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject
`

/** The services that run where there is no master.cf: smtp 25, submission 587, submissions 465. */
export function defaultMaster(): readonly MasterService[] {
  return parseMaster(DEFAULT_MASTER, 'master.cf (built in)')
}

/** Reads a master.cf. Throws ConfigError at the first line that Postfix's master would not take. */
export function parseMaster(text: string, file: string): readonly MasterService[] {
  return readLogicalLines(text).lines.map((line) => parseService(line, file))
}

function parseService(line: LogicalLine, file: string): MasterService {
  const at: Origin = { file, line: line.line }
  const fields = splitFields(line.text)
  const [name, type, isPrivate, unprivileged, chroot, wakeup, limit, command] = fields
  if (name === undefined || type === undefined || command === undefined) throw new ConfigError('bad field count', at)
  const bad = (column: string, field: string | undefined): ConfigError =>
    new ConfigError(`invalid ${column} field "${field}" in "${line.text}"`, at)
  const known = TYPES.find((t) => t === type)
  if (known === undefined) throw bad('type', type)
  const flag = (column: string, field: string | undefined, initial: boolean): boolean => {
    if (field === '-') return initial
    if (field !== 'y' && field !== 'n') throw bad(column, field)
    return field === 'y'
  }
  if (!/^(-|\d+\??)$/.test(wakeup ?? '')) throw bad('wakeup', wakeup)
  if (!/^(-|\d+)$/.test(limit ?? '')) throw bad('process_limit', limit)
  const args = fields.slice(COLUMNS + 1)
  return {
    name,
    type: known,
    ...(known === 'inet' ? endpoint(name, at) : {}),
    private: flag('private', isPrivate, true),
    unprivileged: flag('unprivileged', unprivileged, true),
    chroot: flag('chroot', chroot, false), // `-` means no since Postfix 3.0 (compatibility_level 1)
    wakeup: wakeup === '-' || wakeup === undefined ? '0' : wakeup,
    maxProcesses: limit === '-' ? -1 : Number(limit),
    command,
    ...options(args, at),
    origin: at,
  }
}

/** White-space separated fields; behind the columns `{ … }` is one field without its braces. */
function splitFields(text: string): string[] {
  const fields: string[] = []
  let rest = trimBlanks(text)
  while (rest !== '') {
    const isGroup = rest[0] === '{' && fields.length > COLUMNS
    const word = isGroup ? (splitList(rest)[0] ?? '') : (/^\S+/.exec(rest)?.[0] ?? '')
    fields.push(isGroup ? trimBlanks(word.slice(1, word.endsWith('}') ? -1 : undefined)) : word)
    rest = trimBlanks(rest.slice(word.length))
  }
  return fields
}

/** `-o name=value`, `-v`; the rest are the command's own arguments. */
function options(args: readonly string[], at: Origin): Pick<MasterService, 'args' | 'overrides' | 'verbose'> {
  const overrides = new Map<string, string>()
  const rest: string[] = []
  let verbose = 0
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? ''
    if (arg.startsWith('-o') && rest.length === 0) {
      const text = arg === '-o' ? args[++i] : arg.slice(2)
      if (text === undefined) throw new ConfigError('-o without a name=value', at)
      const setting = splitNameValue(text)
      if (typeof setting === 'string') throw new ConfigError(`${setting}: "${text}"`, at)
      overrides.delete(setting.name)
      overrides.set(setting.name, setting.value)
    } else if (/^-v+$/.test(arg) && rest.length === 0) verbose += arg.length - 1
    else rest.push(arg)
  }
  return { args: rest, overrides, verbose }
}

/** `smtp`, `10025`, `127.0.0.1:smtp`, `[::1]:587`: where an inet service listens. */
function endpoint(name: string, at: Origin): { host?: string; port: number } {
  const m = /^(?:(\[[^\]]*\]|[^:]*):)?([^:]+)$/.exec(name)
  const port = servicePort(m?.[2] ?? '')
  if (m === null || port === undefined) throw new ConfigError(`bad service name or port: "${name}"`, at)
  const host = m[1]?.replace(/^\[|\]$/g, '')
  return host === undefined || host === '' ? { port } : { host, port }
}
