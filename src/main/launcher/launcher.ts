/**
 * The launcher: what stays root of `postigo start`. It starts the server as mail_owner with no capability but
 * CAP_NET_BIND_SERVICE, starts it again when it dies, and answers three requests: run a command as a user, read a configured
 * TLS file, check a system password. It parses no mail and opens no socket.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { readFileSync, statSync, type Stats } from 'node:fs'
import { constants } from 'node:os'
import { Duplex } from 'node:stream'
import { ConfigError } from '../../io/config/mod.ts'
import { serverLockHolder } from '../../io/db/server-lock.ts'
import type { SystemUser } from '../../mail/delivery/mod.ts'
import { type CliIo, EX } from '../cli/io.ts'
import { dataPaths } from '../server/data-dir.ts'
import { mainParams } from '../server/params.ts'
import { Answerer } from './answers.ts'
import { launcherConfig } from './configured.ts'
import { serveRequests } from './channel.ts'
import { handOver, HandOverError } from './hand-over.ts'
import { LAUNCHED, outliveReaders, PIPE_FD } from './launched.ts'
import { userByName } from './system.ts'

export interface LaunchWords {
  readonly directory: string
  readonly portOffset: number
}

/** A server that keeps dying is not started again: so many times in so long. */
const RESTARTS = 5
const RESTARTS_IN_MS = 60_000
const RESTART_AFTER_MS = 1000
const ORPHAN_MS = 2000
const SETPRIV = 'setpriv'
/** util-linux's names. The death of the launcher ends the server: nothing it accepted is lost by that. */
const RIGHTS = [
  '--inh-caps=-all,+net_bind_service',
  '--ambient-caps=-all,+net_bind_service',
  '--bounding-set=-all,+net_bind_service',
  '--no-new-privs',
  '--pdeathsig=KILL',
]
/** What the server sees of the environment. */
const KEPT = /^(PATH|TZ|LANG|LC_\w+|MAIL_CONFIG|POSTIGO_\w+|NODE_\w+|LD_LIBRARY_PATH)$/

export async function launch(words: LaunchWords, io: CliIo): Promise<number> {
  process.title = 'postigo-launcher'
  outliveReaders()
  let owner: SystemUser
  let compiled: string
  try {
    const config = launcherConfig(words.directory)
    compiled = dataPaths(config).compiled
    owner = await mailOwner(config.bind(mainParams).mail_owner, config.raw('mail_owner') !== undefined)
    checkReadable(
      [config.file, process.argv[1] ?? ''],
      owner,
      statSync(dataPaths(config).dir, { throwIfNoEntry: false }),
    )
    await untilOrphanHasEnded(dataPaths(config).dir)
    handOver(config, owner)
  } catch (error) {
    if (error instanceof NoOwnerError) {
      io.err(`postigo: warning: the server keeps the rights of root: ${error.message}\n`)
      return (await import('../cli/serve.ts')).runServer({ ...words, foreground: true }, io)
    }
    io.err(`postigo: not started: ${error instanceof Error ? error.message : String(error)}\n`)
    return error instanceof ConfigError || error instanceof HandOverError ? EX.config : EX.software
  }
  return new Launcher(words, owner, io, compiled).run()
}

/**
 * There is nobody to run as: the machine has no user postfix, or it may not read the program or main.cf. The server then
 * stays root, and says so at each start: whoever tries a directory of Postfix's is not to be stopped by where it lies.
 */
export class NoOwnerError extends HandOverError {}

/** @param named main.cf says who: then it is a mistake that there is nobody of that name */
export async function mailOwner(name: string, named: boolean): Promise<SystemUser> {
  const user = await userByName(name)
  if (user === undefined) {
    const how = 'make it (useradd -r -s /usr/sbin/nologin NAME), or name another'
    throw new (named ? HandOverError : NoOwnerError)(`the user of mail_owner, ${name}, does not exist: ${how}`)
  }
  if (user.uid === 0 || user.gid === 0) throw new HandOverError(`mail_owner, ${name}, has the rights of root`)
  return user
}

/**
 * The server reads these itself. Throws NoOwnerError; HandOverError where the data are the owner's already: an installation
 * that has given root up does not take it again, least of all to work in a directory of an unprivileged user.
 */
export function checkReadable(files: readonly string[], { uid, gid, name }: SystemUser, data: Stats | undefined): void {
  for (const file of files) {
    const { status } = spawnSync('test', ['-r', file], { uid, gid, cwd: '/' })
    if (status !== 0)
      throw new (data?.uid === uid ? HandOverError : NoOwnerError)(
        `${name} (mail_owner) may not read ${file}: give it and its directories the mode for that`,
      )
  }
}

/** A server whose launcher was killed ends with it, but not in the same moment. */
async function untilOrphanHasEnded(dataDir: string): Promise<void> {
  for (const until = Date.now() + ORPHAN_MS; Date.now() < until;) {
    const pid = serverLockHolder(dataDir)
    if (pid === undefined || parentOf(pid) !== 1) return
    await new Promise((wake) => setTimeout(wake, 20))
  }
}

function parentOf(pid: number): number | undefined {
  try {
    return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1])
  } catch {
    return undefined
  }
}

class Launcher {
  readonly #words: LaunchWords
  readonly #owner: SystemUser
  readonly #io: CliIo
  readonly #compiled: string
  #child: ChildProcess | undefined
  #wasReady = false
  #isStopping = false
  #diedAt: number[] = []

  constructor(words: LaunchWords, owner: SystemUser, io: CliIo, compiled: string) {
    this.#words = words
    this.#owner = owner
    this.#io = io
    this.#compiled = compiled
  }

  async run(): Promise<number> {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        this.#isStopping = true
        this.#child?.kill(signal)
      })
    }
    process.on('SIGHUP', () => void this.#child?.kill('SIGHUP'))
    for (;;) {
      const code = await this.#serve()
      if (code === EX.ok || this.#isStopping || !this.#wasReady) return code
      if (!this.#mayRestart()) {
        this.#io.err(`postigo: the server died ${RESTARTS} times in a minute and is not started again\n`)
        return code
      }
      this.#io.err(`postigo: the server died (exit code ${code}) and is started again\n`)
      await new Promise((wake) => setTimeout(wake, RESTART_AFTER_MS))
    }
  }

  #mayRestart(): boolean {
    const now = Date.now()
    this.#diedAt = [...this.#diedAt.filter((at) => now - at < RESTARTS_IN_MS), now]
    return this.#diedAt.length < RESTARTS
  }

  /** Runs the server once; resolves with its exit code. */
  #serve(): Promise<number> {
    const { directory, portOffset } = this.#words
    const { name, gid } = this.#owner
    const program = [process.execPath, ...process.execArgv, process.argv[1] ?? '']
    const own = ['start', '-c', directory]
    const argv = [`--reuid=${name}`, `--regid=${gid}`, '--init-groups', ...RIGHTS, '--', ...program, ...own]
    const child = spawn(SETPRIV, [...argv, '--port-offset', String(portOffset), '--foreground'], {
      stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
      env: environment(this.#compiled),
    })
    this.#child = child
    const pipe = child.stdio[PIPE_FD]
    const answerer = new Answerer({ directory, ownerUid: this.#owner.uid, nowMs: Date.now })
    if (pipe instanceof Duplex) serveRequests(pipe, answerer, () => this.#ready())
    return new Promise((resolve) => {
      child.once('error', (error) => {
        this.#io.err(`postigo: not started: ${SETPRIV} (util-linux): ${error.message}\n`)
        resolve(EX.unavailable)
      })
      child.once('exit', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])))
    })
  }

  #ready(): void {
    if (this.#wasReady) return
    this.#wasReady = true
    process.send?.('ready')
    if (process.connected) process.disconnect?.()
  }
}

/** @param compiled the server's own: it may not write beside the program, and must not run what others write */
function environment(compiled: string): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => KEPT.test(name))
  return { ...Object.fromEntries(kept), NODE_COMPILE_CACHE: compiled, POSTIGO_CALLED_AS: 'postigo', [LAUNCHED]: '1' }
}
