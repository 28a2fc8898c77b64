/** `postigo start`: the server, in the foreground or left behind. */
import { spawn } from 'node:child_process'
import { Socket } from 'node:net'
import { parseArgs } from 'node:util'
import { ConfigError } from '../../io/config/mod.ts'
import { ServerRunsError } from '../../io/db/mod.ts'
import { IdentityError, ListenError, TlsSettingError } from '../../io/net/mod.ts'
import { AccountError } from '../../mail/accounts/mod.ts'
import { LauncherClient } from '../launcher/client.ts'
import { launch, LAUNCHED, outliveReaders, PIPE_FD } from '../launcher/launcher.ts'
import { ListenerError, type ListenerSpec } from '../server/listeners.ts'
import { Server } from '../server/server.ts'
import { type CliIo, type Command, configDirectory, EX } from './io.ts'
import { table } from './table.ts'

const USAGE = `usage: postigo start [-c DIR] [--port-offset N] [--foreground]

  -c DIR           the configuration directory ($MAIL_CONFIG, else /etc/postfix)
  --port-offset N  adds N to every port, so that a directory can be tried beside a running server
  --foreground     stays, and prints "ready" when every port listens
`

export interface StartWords {
  readonly directory: string
  readonly portOffset: number
  readonly foreground: boolean
}

/** Longest time that a start may take before the one who waits for it gives up: recovery of a large log is in it. */
const START_LIMIT_MS = 300_000
const MAX_OFFSET = 64_000

export const start: Command = async (argv, io) => {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      config: { type: 'string', short: 'c' },
      'port-offset': { type: 'string' },
      foreground: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help === true) {
    io.out(USAGE)
    return EX.ok
  }
  const portOffset = Number(values['port-offset'] ?? 0)
  if (!Number.isInteger(portOffset) || portOffset < 0 || portOffset > MAX_OFFSET) {
    io.err(`postigo start: --port-offset takes a number from 0 to ${MAX_OFFSET}\n`)
    return EX.usage
  }
  const words = { directory: configDirectory(values.config, io), portOffset, foreground: values.foreground ?? false }
  if (!words.foreground) return startDetached(words, io)
  if (process.env[LAUNCHED] !== undefined) return runLaunched(words, io)
  return process.getuid?.() === 0 ? launch(words, io) : runServer(words, io)
}

/** Runs until SIGTERM, SIGINT or `postigo stop`. */
export async function runServer(
  words: StartWords & { readonly launcher?: LauncherClient },
  io: CliIo,
  whenReady?: (server: Server) => void,
): Promise<number> {
  let server: Server
  process.title = 'postigo' // what others are told who find a port taken
  try {
    const started = await Server.start(words)
    server = started.server
    if (started.report.replayed > 0) io.out(`taken in after a power cut: ${started.report.replayed} messages\n`)
    for (const number of started.report.damaged)
      io.err(`postigo: warning: segment ${number} of the message log is missing or short\n`)
  } catch (error) {
    io.err(`postigo: ${explain(error)}\n`)
    return exitOf(error)
  }
  const stop = (): void => void server.stop()
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  process.on('SIGHUP', () => void server.reload())
  if (whenReady === undefined) io.out(`${services(server.services)}ready\n`)
  else whenReady(server)
  words.launcher?.ready()
  process.send?.('ready')
  if (process.connected) process.disconnect?.()
  await server.stopped
  return EX.ok
}

/** The server as the launcher started it. */
async function runLaunched(words: StartWords, io: CliIo): Promise<number> {
  outliveReaders()
  const launcher = new LauncherClient(new Socket({ fd: PIPE_FD }))
  const code = await runServer({ ...words, launcher }, io)
  launcher.close()
  return code
}

/** Starts a process of its own and waits until it is ready, or says why it is not. */
function startDetached(words: StartWords, io: CliIo): Promise<number> {
  const script = process.argv[1] ?? ''
  const argv = [
    ...process.execArgv,
    script,
    'start',
    '-c',
    words.directory,
    '--port-offset',
    String(words.portOffset),
    '--foreground',
  ]
  const env = { ...process.env, POSTIGO_CALLED_AS: 'postigo' }
  const child = spawn(process.execPath, argv, { detached: true, stdio: ['ignore', 'pipe', 'pipe', 'ipc'], env })
  let said = ''
  child.stdout?.on('data', (chunk: Buffer) => (said += chunk.toString()))
  child.stderr?.on('data', (chunk: Buffer) => io.err(chunk.toString()))
  return new Promise((resolve) => {
    const limit = setTimeout(() => resolve(EX.tempFail), START_LIMIT_MS)
    const done = (code: number): void => {
      clearTimeout(limit)
      child.stdout?.destroy()
      child.stderr?.destroy()
      child.unref()
      resolve(code)
    }
    child.once('exit', (code) => done(code ?? EX.software))
    child.once('message', () => {
      // What it printed before `ready`: the services; log lines that came meanwhile are not for the terminal.
      io.out(said.slice(0, said.indexOf('ready\n') + 6))
      if (child.connected) child.disconnect()
      done(EX.ok)
    })
  })
}

export function services(specs: readonly ListenerSpec[]): string {
  const rows = specs.map(({ name, address, port, implicitTls }) => [
    name,
    `${address.includes(':') ? `[${address}]` : address}:${port}`,
    implicitTls ? 'TLS' : '',
  ])
  return table(rows)
}

function explain(error: unknown): string {
  if (error instanceof ListenError) return `not started: ${error.message}`
  return error instanceof Error ? error.message : String(error)
}

function exitOf(error: unknown): number {
  if (
    error instanceof ConfigError ||
    error instanceof ListenerError ||
    error instanceof IdentityError ||
    error instanceof TlsSettingError ||
    error instanceof AccountError
  )
    return EX.config
  if (error instanceof ListenError) return error.code === 'EACCES' ? EX.noPerm : EX.unavailable
  if (error instanceof ServerRunsError) return EX.unavailable
  if (process.env['POSTIGO_DEBUG'] !== undefined && error instanceof Error) process.stderr.write(`${error.stack}\n`)
  return EX.software
}
