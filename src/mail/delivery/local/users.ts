/** The system's users: passwd(5) by name and by number. */
import { execFile } from 'node:child_process'

export interface SystemUser {
  readonly name: string
  readonly uid: number
  readonly gid: number
  readonly home: string
  readonly shell: string
  /** Of the gecos field, `''` for none. */
  readonly fullName?: string
}

/** `name:x:1000:1000:gecos:/home/name:/bin/sh`; undefined for what is no such line. */
export function parsePasswd(line: string | undefined): SystemUser | undefined {
  const [name = '', , uid = '', gid = '', gecos = '', home = '', shell = ''] = line?.split(':') ?? []
  if (name === '' || !/^\d+$/.test(uid) || !/^\d+$/.test(gid)) return undefined
  // The name ends at the first comma; `&` stands for the login name. passwd(5)
  const capital = name.charAt(0).toUpperCase() + name.slice(1)
  const fullName = (gecos.split(',')[0] ?? '').replaceAll('&', capital)
  return { name, uid: Number(uid), gid: Number(gid), home, shell, fullName }
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
