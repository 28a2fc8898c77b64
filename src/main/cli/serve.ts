/** The server in this process: started by its user, by the launcher, or for a trial. */
import { Socket } from 'node:net'
import { ConfigError } from '../../io/config/mod.ts'
import { ServerRunsError } from '../../io/db/mod.ts'
import { ListenError, TlsSettingError } from '../../io/net/mod.ts'
import { AccountError } from '../../mail/accounts/mod.ts'
import { LauncherClient } from '../launcher/client.ts'
import { outliveReaders, PIPE_FD } from '../launcher/launched.ts'
import { ListenerError, type ListenerSpec, shownPlace } from '../server/listeners.ts'
import { postfixQueueNotice } from '../postfix-queue/find.ts'
import { DamagedDataError } from '../server/data-dir.ts'
import { servedFrom } from '../server/served-from.ts'
import { Server } from '../server/server.ts'
import { authFindings } from '../server/tls-findings.ts'
import { type CliIo, EX } from './io.ts'
import type { StartWords } from './start.ts'
import { table } from './table.ts'

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
  const { config } = server.rooms.current
  for (const line of servedFrom(config)) io.out(`${line}\n`)
  for (const { file, line, text } of authFindings(config)) io.err(`postigo: warning: ${file}, line ${line}: ${text}\n`)
  const notice = postfixQueueNotice(config)
  if (notice !== undefined) io.out(`${notice}\n`)
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
export async function runLaunched(words: StartWords, io: CliIo): Promise<number> {
  outliveReaders()
  const launcher = new LauncherClient(new Socket({ fd: PIPE_FD }))
  const code = await runServer({ ...words, launcher }, io)
  launcher.close()
  return code
}

export function services(specs: readonly ListenerSpec[]): string {
  return table(specs.map((spec) => [spec.name, shownPlace(spec), spec.implicitTls ? 'TLS' : '']))
}

function explain(error: unknown): string {
  if (error instanceof ListenError) return `not started: ${error.message}`
  return error instanceof Error ? error.message : String(error)
}

function exitOf(error: unknown): number {
  if (
    error instanceof ConfigError ||
    error instanceof ListenerError ||
    error instanceof TlsSettingError ||
    error instanceof AccountError
  )
    return EX.config
  if (error instanceof ListenError) return error.code === 'EACCES' ? EX.noPerm : EX.unavailable
  if (error instanceof ServerRunsError) return EX.unavailable
  if (error instanceof DamagedDataError) return EX.dataErr
  if (process.env['POSTIGO_DEBUG'] !== undefined && error instanceof Error) process.stderr.write(`${error.stack}\n`)
  return EX.software
}
