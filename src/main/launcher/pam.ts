/** A system password asked of PAM, as `pam_service` says. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** Modules ask directories elsewhere, and wait on purpose after a wrong password. */
const LIMIT_MS = 30_000
const PROGRAM = fileURLToPath(new URL('pam-check.ts', import.meta.url))
/** A file of /etc/pam.d; libpam would take a path for one. */
const SERVICE = /^[A-Za-z0-9][\w.-]{0,63}$/
const ENVIRONMENT = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' }

/** Rejects when it cannot be told. */
export function askPam(service: string, user: string, password: string): Promise<boolean> {
  if (!SERVICE.test(service)) return Promise.reject(new Error(`pam_service = ${service} is no name of a service`))
  return new Promise((resolve, reject) => {
    const words = ['--disable-warning=ExperimentalWarning', PROGRAM]
    const options = { timeout: LIMIT_MS, killSignal: 'SIGKILL', env: ENVIRONMENT, cwd: '/' } as const
    const child = execFile(process.execPath, words, options, (error) => {
      if (error === null) resolve(true)
      else if (error.code === 1) resolve(false)
      else reject(new Error(`PAM (${service}) gave no answer`, { cause: error }))
    })
    child.stdin?.on('error', () => {}) // its exit tells
    child.stdin?.end([service, user, password].join('\0'))
  })
}
