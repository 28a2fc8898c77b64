/** Debian's Postfix on a world: a private instance in a directory of its own, gone when it is stopped. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { until } from '../../support/mailbox.ts'
import { inView, type View } from './namespace.ts'
import { type Place, type World, writeWorld } from './world.ts'

const MASTER = '/usr/lib/postfix/sbin/master'

/** As postfix-files has them; private and public are the sockets'. */
const SPOOL = [
  'active',
  'bounce',
  'corrupt',
  'defer',
  'deferred',
  'flush',
  'hold',
  'incoming',
  'private',
  'saved',
  'trace',
]

const SERVICES = `
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`

/**
 * A change of user takes from master the word that it shall end with the test, so the shell around it keeps that; in a
 * session of its own, for master ends its children by their process group.
 */
const GUARD = 'trap \'kill "$!"\' TERM; setsid "$@" & wait "$!"; wait "$!"'

/** Master makes its sockets in the order of master.cf: with this one, those of the listeners are there. */
const LAST_SOCKET = 'spool/public/postlog'
const PID_FILE = 'spool/pid/master.pid'
const START_MS = 30_000

export interface Running {
  readonly dir: string
  /** The log so far. */
  log(): string
  /** Whether nothing is on its way; what is deferred does not count. */
  idle(): boolean
  stop(): Promise<void>
}

/** Writes a world's directory, and indexes its tables as an administrator would. */
export function prepareWorld(world: World, place: Place, base: number): void {
  writeWorld(world, place, base, SERVICES)
  makeSpool(place.dir)
  for (const table of world.indexed) index(place.dir, table)
}

export async function startPostfix(world: World, place: Place, base: number, view: View): Promise<Running> {
  const { dir } = place
  prepareWorld(world, place, base)
  const logFile = join(dir, 'log/mail.log')
  const [command, ...words] = inView(view, ['sh', '-c', GUARD, 'sh', MASTER, '-c', dir, '-d'])
  const child = spawn(command, words, { detached: true, stdio: 'ignore' })
  const last = (): void => void endGroup(child, 'SIGTERM')
  process.once('exit', last) // also where a test ran out of time
  await until('Postfix listens', () => existsSync(join(dir, LAST_SOCKET)), START_MS)
  const master = Number(readFileSync(join(dir, PID_FILE), 'latin1'))
  return {
    dir,
    // Postfix makes it with its first line.
    log: () => (existsSync(logFile) ? readFileSync(logFile, 'utf8') : ''),
    idle: () => ['incoming', 'active', 'maildrop'].every((name) => readdirSync(join(dir, 'spool', name)).length === 0),
    async stop() {
      process.off('exit', last)
      const gone = once(child, 'exit')
      if (endGroup(child, 'SIGTERM')) await gone
      // Master's children go a moment later, and until then have its sockets and write into the directory.
      await until('Postfix has gone', () => !isThere(-master), START_MS)
    },
  }
}

function makeSpool(dir: string): void {
  for (const name of ['data', ...SPOOL.map((one) => `spool/${one}`), 'spool/pid', 'spool/maildrop', 'spool/public'])
    mkdirSync(join(dir, name), { recursive: true, mode: 0o700 })
  execFileSync('chown', ['postfix', join(dir, 'data'), ...SPOOL.map((name) => join(dir, 'spool', name))])
  execFileSync('chown', ['postfix:postdrop', join(dir, 'spool/maildrop'), join(dir, 'spool/public')])
  chmodSync(join(dir, 'spool/pid'), 0o755)
  chmodSync(join(dir, 'spool/public'), 0o710)
  chmodSync(join(dir, 'spool/maildrop'), 0o730)
  for (const name of ['spool', 'log']) chmodSync(join(dir, name), 0o755)
}

function index(dir: string, table: string): void {
  const [type = '', name = ''] = table.split(':')
  const command = name.startsWith('aliases') ? '/usr/sbin/postalias' : '/usr/sbin/postmap'
  execFileSync(command, ['-c', dir, `${type}:${join(dir, name)}`], { stdio: 'pipe' })
}

/** @param pid below 0: any process of that group */
function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Whether there was one to end. */
function endGroup(child: ChildProcess, signal: 'SIGTERM'): boolean {
  if (child.pid === undefined || child.exitCode !== null) return false
  return process.kill(-child.pid, signal)
}
