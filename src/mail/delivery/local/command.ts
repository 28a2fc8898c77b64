/** Delivery to a command: its environment, whether a shell is needed, what its end means (local(8), command.c). */
import { accessSync, constants, statSync } from 'node:fs'
import { ExpandError, type Settings } from '../../../io/config/mod.ts'
import type { RecipientResult } from '../../queue/mod.ts'
import { type Addressee, fillIn, filtered, type Rights } from './addressee.ts'
import { failureOf } from './outcome.ts'
import type { localParams } from './params.ts'
import type { RunAs } from './run-as.ts'

export type LocalSettings = Settings<typeof localParams>

/** What a command may have that needs no shell: words of these characters, parted by blanks. */
const PLAIN = /^[ \t]*[\w!@%\-=+:,./][\w!@%\-=+:,./ \t]*$/
const PATH = '/usr/bin:/bin'
/** By this name, as Postfix calls it: it stands in the shell's own messages. */
const SHELL = 'sh'

/** What the server lets commands see of its own environment, when export_environment names it. */
export interface OwnEnvironment {
  readonly TZ: string | undefined
  readonly MAIL_CONFIG: string
}

export interface CommandRequest {
  readonly command: string
  readonly to: Addressee
  readonly rights: Rights
  readonly copy: Iterable<Buffer>
  readonly own: OwnEnvironment
}

export async function deliverToCommand(
  run: RunAs,
  request: CommandRequest,
  cf: LocalSettings,
): Promise<RecipientResult> {
  const { command, to, rights, copy, own } = request
  let cwd: string
  try {
    cwd = fillIn(cf.command_execution_directory, to, rights, cf.execution_directory_expansion_filter).text
  } catch (error) {
    if (!(error instanceof ExpandError)) throw error
    return { status: 'deferred', dsn: '4.3.5', text: 'mail system configuration error' }
  }
  const argv = argvOf(command, cf.local_command_shell)
  const missing = missingProgram(argv)
  if (missing !== undefined) return missing
  const end = await run({
    uid: rights.uid,
    gid: rights.gid,
    argv,
    env: environmentOf(to, rights, own, cf),
    cwd: cwd === '' ? workingDirectory(cf.queue_directory) : cwd,
    input: copy,
    timeLimitMs: cf.command_time_limit,
  })
  return failureOf(end, command) ?? { status: 'sent', dsn: '2.0.0', text: `delivered to command: ${command}` }
}

/** Directly where no shell is needed, as Postfix's exec_command(). */
export function argvOf(command: string, shell: string): readonly string[] {
  if (shell !== '') return [...shell.split(/[ \t]+/).filter(Boolean), command]
  const words = PLAIN.test(command) ? command.split(/[ \t]+/).filter(Boolean) : []
  const [program] = words
  // A name that is no file may be a word of the shell's own.
  return program !== undefined && (program.includes('/') || onPath(program)) ? words : [SHELL, '-c', command]
}

function onPath(program: string): boolean {
  return PATH.split(':').some((dir) => statSync(`${dir}/${program}`, { throwIfNoEntry: false })?.isFile() === true)
}

/** A program that cannot be started is a matter for the postmaster: mail waits, as in Postfix. */
function missingProgram([program = '']: readonly string[]): RecipientResult | undefined {
  if (!program.startsWith('/')) return undefined
  try {
    accessSync(program, constants.F_OK)
    return undefined
  } catch {
    const text = `temporary failure. Command output: local: fatal: execvp ${program}: No such file or directory `
    return { status: 'deferred', dsn: '4.3.0', text }
  }
}

function workingDirectory(queue: string): string {
  return statSync(queue, { throwIfNoEntry: false })?.isDirectory() === true ? queue : '/'
}

/** local(8), EXTERNAL COMMAND DELIVERY: names with a value, filtered; PATH is always Postfix's own. */
export function environmentOf(
  to: Addressee,
  rights: Rights,
  own: OwnEnvironment,
  cf: LocalSettings,
): Record<string, string> {
  const values: Readonly<Record<string, string | undefined>> = {
    HOME: rights.home,
    LOGNAME: to.user,
    USER: to.user,
    SENDER: to.sender,
    RECIPIENT: to.recipient,
    LOCAL: to.local,
    SHELL: rights.shell,
    DOMAIN: to.domain,
    EXTENSION: to.extension || undefined,
    ORIGINAL_RECIPIENT: to.original || undefined,
    CLIENT_HOSTNAME: to.client?.name || undefined,
    CLIENT_ADDRESS: to.client?.address || undefined,
    CLIENT_HELO: to.client?.helo || undefined,
    CLIENT_PROTOCOL: to.client?.protocol || undefined,
    SASL_METHOD: to.client?.saslMethod || undefined,
    SASL_SENDER: to.client?.saslSender || undefined,
    SASL_USERNAME: to.saslUsername || undefined,
  }
  const env: Record<string, string> = {}
  for (const [name, value] of Object.entries(values))
    if (value !== undefined) env[name] = filtered(value, cf.command_expansion_filter)
  return { ...exportedEnvironment(own, cf.export_environment), ...env, PATH }
}

/** export_environment, and Postfix's own PATH. */
export function exportedEnvironment(own: OwnEnvironment, names: readonly string[]): Record<string, string> {
  // Postfix's import_environment sets LANG for all its programs.
  const known: Readonly<Record<string, string | undefined>> = { ...own, LANG: 'C' }
  const env: Record<string, string> = {}
  for (const name of names) {
    const [plain = '', value] = name.replace(/^\{\s*(.*?)\s*\}$/s, '$1').split(/\s*=\s*(.*)/s)
    const found = value ?? known[plain]
    if (found !== undefined) env[plain] = found
  }
  return { ...env, PATH }
}
