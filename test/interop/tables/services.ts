/** Private instances of Debian's database servers, as an unprivileged user in a directory of their own. */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

/** Time for a server to come up on a busy machine. */
const START_LIMIT_MS = 60_000

/** Why a comparison is not made; false when it is. */
export function missing(type: string, ...programs: readonly string[]): string | false {
  const types = spawnSync('/usr/sbin/postconf', ['-m'], { encoding: 'utf8' })
  if (types.error !== undefined || !types.stdout.split('\n').includes(type))
    return `postfix has no ${type} tables (npm run setup:test)`
  const away = programs.filter((program) => !existsSync(program))
  if (away.length > 0) return `${away.join(', ')} is not installed (npm run setup:test)`
  return process.getuid?.() === 0 ? false : 'servers are started as their own users: run as root'
}

/** uid and gid of a user. */
function idsOf(user: string): [uid: number, gid: number] {
  const id = (flag: string): number => Number(execFileSync('id', [flag, user], { encoding: 'utf8' }))
  return [id('-u'), id('-g')]
}

export interface Service {
  readonly directory: string
  /** Runs a program as the server's user. */
  readonly run: (program: string, words: readonly string[], input?: string) => string
  /** Starts the server; it is stopped when the test ends. Answers how to stop it now. */
  readonly start: (program: string, words: readonly string[]) => () => Promise<void>
}

export function service(t: TestContext, user: string): Service {
  const [uid, gid] = idsOf(user)
  const directory = mkdtempSync(join(tmpdir(), `postigo-${user}-`))
  chownSync(directory, uid, gid)
  chmodSync(directory, 0o755)
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const env = { PATH: process.env['PATH'] ?? '', HOME: directory, LC_ALL: 'C.UTF-8' }
  return {
    directory,
    run: (program, words, input = '') =>
      execFileSync(program, words, { uid, gid, cwd: directory, env, input, encoding: 'utf8', stdio: 'pipe' }),
    start(program, words) {
      const child = spawn(program, words, { uid, gid, cwd: directory, env, stdio: 'ignore' })
      const ended = new Promise<void>((done) => child.once('exit', () => done()))
      const stop = async (): Promise<void> => {
        child.kill('SIGINT')
        const hard = setTimeout(() => child.kill('SIGKILL'), 5000)
        await ended
        clearTimeout(hard)
      }
      t.after(stop)
      return stop
    },
  }
}

/** Waits until something holds, looked at every few milliseconds. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + START_LIMIT_MS; Date.now() < end;) {
    if (await holds()) return
    await new Promise((wake) => setTimeout(wake, 25))
  }
  throw new Error(`${what} did not come up`)
}
