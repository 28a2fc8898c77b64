/** The system's users as routing and delivery see them: passwd, and whether somebody has a .forward file. */
import { lstatSync } from 'node:fs'
import type { Settings } from '../../io/config/mod.ts'
import type { Tables } from '../../io/tables/mod.ts'
import { addresseeOf, forwardPaths, type localParams, parsePasswd, type SystemUser } from '../../mail/delivery/mod.ts'

export function systemUsers(
  tables: Tables,
): (name: string) => SystemUser | undefined | Promise<SystemUser | undefined> {
  const passwd = tables.open('unix:passwd.byname')
  return (name) => {
    const line = passwd.get(name)
    return line instanceof Promise ? line.then(parsePasswd) : parsePasswd(line)
  }
}

/**
 * Whether delivery must look for a .forward file: it is there, or lies where only its user may look. Most users have none,
 * and their mail goes into the store at once.
 */
export function forwardLookup(
  cf: Settings<typeof localParams>,
): (user: SystemUser, local: string, domain: string) => boolean {
  return (user, local, domain) => {
    if (cf.forward_path === '') return false
    const job = { sender: '', client: undefined, saslUsername: '' }
    const to = addresseeOf(job, { id: 0, address: `${local}@${domain}`, original: '', transport: '', nexthop: '' }, cf)
    return forwardPaths(to, user, cf).some(({ path }) => mayBeThere(path))
  }
}

function mayBeThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined
  } catch (error) {
    return !(error instanceof Error && 'code' in error && (error.code === 'ENOTDIR' || error.code === 'ENAMETOOLONG'))
  }
}
