/** The system's users: passwd(5) by name and by number. */
import { execFile } from 'node:child_process'

export interface SystemUser {
  readonly name: string
  readonly uid: number
  readonly gid: number
  readonly home: string
  readonly shell: string
}

/** `name:x:1000:1000:gecos:/home/name:/bin/sh`; undefined for what is no such line. */
export function parsePasswd(line: string | undefined): SystemUser | undefined {
  const [name = '', , uid = '', gid = '', , home = '', shell = ''] = line?.split(':') ?? []
  if (name === '' || !/^\d+$/.test(uid) || !/^\d+$/.test(gid)) return undefined
  return { name, uid: Number(uid), gid: Number(gid), home, shell }
}

const GETENT_LIMIT_MS = 5000

/** Asks getent(1): owners of alias files and lists are looked up seldom. undefined: nobody has the number. */
export function userById(uid: number): Promise<SystemUser | undefined> {
  return new Promise((resolve, reject) => {
    execFile('getent', ['passwd', String(uid)], { timeout: GETENT_LIMIT_MS }, (error, stdout) => {
      if (error === null) resolve(parsePasswd(stdout.split('\n')[0]))
      else if (error.code === 2) resolve(undefined)
      else reject(new Error(`getent passwd ${uid}: ${error.message}`, { cause: error }))
    })
  })
}
