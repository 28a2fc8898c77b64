/** stop, restart, reload, status; and `postfix`, which says the same with Postfix's words. */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { serverLockHolder } from '../../io/db/mod.ts'
import { acmeLines } from '../certificates/status.ts'
import { askControl, type ControlAnswer } from '../server/control.ts'
import { type DataPaths, dataPaths } from '../server/data-dir.ts'
import { shownPlace } from '../server/listeners.ts'
import { readConfig } from '../server/rooms.ts'
import type { ServerStatus } from '../server/server-status.ts'
import type { SnapshotStatus } from '../server/snapshots.ts'
import { type CliIo, type Command, configDirectory, EX } from './io.ts'
import { start } from './start.ts'
import { table } from './table.ts'

/** A stop finishes what is in progress; after this long the one who waits gives up. */
const STOP_LIMIT_MS = 30_000

interface Words {
  readonly directory: string
  readonly json: boolean
  readonly rest: string[]
}

function wordsOf(argv: readonly string[], io: CliIo): Words {
  const { values, tokens } = parseArgs({
    args: [...argv],
    options: { config: { type: 'string', short: 'c' }, json: { type: 'boolean' } },
    strict: false,
    tokens: true,
  })
  const used = new Set(
    tokens.filter((t) => t.kind === 'option' && (t.name === 'config' || t.name === 'json')).map((t) => t.index),
  )
  const rest = argv.filter((_, i) => !used.has(i) && !used.has(i - 1))
  return {
    directory: configDirectory(typeof values.config === 'string' ? values.config : undefined, io),
    json: values.json === true,
    rest,
  }
}

/** The running server of a directory, or a message and no server. */
function running(directory: string, io: CliIo): DataPaths | undefined {
  const paths = dataPaths(readConfig({ directory }))
  if (serverLockHolder(paths.dir) !== undefined) return paths
  io.err(`postigo: no server runs on ${directory}\n`)
  return undefined
}

async function ask(paths: DataPaths, command: string, io: CliIo): Promise<ControlAnswer | undefined> {
  try {
    const answer = await askControl(paths.control, { command })
    if (answer.ok) return answer
    io.err(`postigo: ${answer.error}\n`)
  } catch (error) {
    io.err(`postigo: the server does not answer: ${error instanceof Error ? error.message : String(error)}\n`)
  }
  return undefined
}

export const stop: Command = async (argv, io) => {
  const { directory } = wordsOf(argv, io)
  const paths = running(directory, io)
  if (paths === undefined) return EX.unavailable
  const pid = serverLockHolder(paths.dir)
  if ((await ask(paths, 'stop', io)) === undefined) return EX.tempFail
  const until = Date.now() + STOP_LIMIT_MS
  // To its very end: the runtime writes compiled code after the data is closed.
  while (serverLockHolder(paths.dir) !== undefined || (pid !== undefined && !hasEnded(pid))) {
    if (Date.now() > until) {
      io.err('postigo: the server has not stopped yet\n')
      return EX.tempFail
    }
    await new Promise((wake) => setTimeout(wake, 20))
  }
  return EX.ok
}

/** A process that only waits to be reaped by its parent has ended. proc(5), the third field of stat. */
function hasEnded(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return stat.charAt(stat.lastIndexOf(')') + 2) === 'Z'
  } catch {
    return true // it is gone, or the system has no /proc to see it in
  }
}

export const restart: Command = async (argv, io) => {
  const { directory, rest } = wordsOf(argv, io)
  const paths = dataPaths(readConfig({ directory }))
  if (serverLockHolder(paths.dir) !== undefined) {
    const code = await stop(['-c', directory], io)
    if (code !== EX.ok) return code
  }
  return start(['-c', directory, ...rest], io)
}

export const reload: Command = async (argv, io) => {
  const { directory } = wordsOf(argv, io)
  const paths = running(directory, io)
  if (paths === undefined) return EX.unavailable
  return (await ask(paths, 'reload', io)) === undefined ? EX.config : EX.ok
}

export const status: Command = async (argv, io) => {
  const { directory, json } = wordsOf(argv, io)
  const paths = running(directory, io)
  if (paths === undefined) return EX.unavailable
  const answer = await ask(paths, 'status', io)
  if (answer === undefined || !('status' in answer)) return EX.tempFail
  const found = answer['status'] as ServerStatus // our own server's words
  io.out(json ? `${JSON.stringify(found, undefined, 2)}\n` : describe(found))
  return EX.ok
}

const mib = (octets: number): string => `${(octets / 1024 ** 2).toFixed(1)} MiB`

function describe(s: ServerStatus): string {
  const minutes = Math.floor((Date.now() - s.startedMs) / 60_000)
  const services = s.services.map((one) => [one.name, one.kind, shownPlace(one)])
  return (
    `postigo ${s.version}, process ${s.pid}, ${s.threads} ${s.threads === 1 ? 'thread' : 'threads'}, running ${minutes} min on ${s.directory}\n` +
    `\nservices\n${table(services)}` +
    `\nconnections  smtp ${s.connections.smtp}, imap ${s.connections.imap}, pop3 ${s.connections.pop3}, lmtp ${s.connections.lmtp}\n` +
    `queue        ${s.queue.messages} messages, ${s.queue.recipients} recipients (${s.queue.deferred} deferred, ${s.queue.held} messages held)\n` +
    (s.acme === undefined ? '' : `certificate  ${acmeLines(s.acme).join('\n             ')}\n`) +
    `snapshot     ${snapshotLine(s.snapshot)}\n` +
    `mailboxes    ${s.mailboxes} of ${s.accounts} accounts\n` +
    `disk         log ${mib(s.log.octets)} in ${s.log.segments} segments, of that ${mib(s.log.liveOctets)} needed: what is in mailboxes (${mib(s.mailOctets)}), in the queue, or expunged and kept\n` +
    `memory       ${mib(s.memory.rssOctets)}, of that ${mib(s.memory.heapOctets)} heap of the main thread\n`
  )
}

function snapshotLine({ file, octets = 0, madeMs = 0, progress, failed }: SnapshotStatus): string {
  const last = file === undefined ? 'none yet' : `${file}, ${mib(octets)}, ${new Date(madeMs).toISOString()}`
  const now = progress === undefined ? '' : `; one is being made, ${Math.floor(100 * progress)} %`
  return last + now + (failed === undefined ? '' : `; the last attempt failed: ${failed}`)
}

/** postfix(1): the command is the first word that is no option. */
export const postfix: Command = async (argv, io) => {
  const at = argv.findIndex((word, i) => !word.startsWith('-') && argv[i - 1] !== '-c')
  const word = argv[at]
  const rest = argv.filter((_, i) => i !== at)
  const commands: Readonly<Record<string, Command>> = {
    start,
    'start-fg': (args, cliIo) => start([...args, '--foreground'], cliIo),
    stop,
    abort: stop,
    reload,
    status,
  }
  const command = word === undefined ? undefined : commands[word]
  if (command !== undefined) return command(rest, io)
  if (word === 'logrotate') return (await import('./logrotate.ts')).logrotate(rest, io)
  if (word === 'check') return (await import('./check.ts')).check(rest, io)
  io.err('usage: postfix [-c DIR] start | start-fg | stop | abort | reload | status | check | logrotate\n')
  return EX.usage
}
