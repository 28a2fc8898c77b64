/** A system user for a test, made by useradd and gone when it ends; only root can. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

/** Why a test of system users cannot run; undefined: it can. */
export const withoutRoot = process.getuid?.() === 0 ? undefined : 'makes system users: needs root'

export interface SystemUser {
  readonly name: string
  readonly home: string
  readonly uid: number
}

let made = 0

export function makeSystemUser(t: TestContext): SystemUser {
  const name = `pgt${process.pid}x${made++}`
  const home = join(mkdtempSync(join(tmpdir(), 'postigo-user-')), name)
  execFileSync('chmod', ['755', join(home, '..')])
  execFileSync('useradd', ['-m', '-d', home, '-s', '/bin/false', name], { stdio: 'pipe' })
  t.after(() => {
    // A command of the user's may run still; and userdel refuses while a process of the user is seen.
    spawnSync('pkill', ['-KILL', '-u', name])
    execFileSync('userdel', ['--force', name], { stdio: 'pipe' })
    rmSync(join(home, '..'), { recursive: true, force: true, maxRetries: 5 })
    rmSync(`/var/mail/${name}`, { force: true })
  })
  return { name, home, uid: Number(execFileSync('id', ['-u', name], { encoding: 'utf8' })) }
}
