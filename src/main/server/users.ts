/** Names of the system's users by number, and who of them may do what. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { Config } from '../../io/config/mod.ts'
import type { Tables } from '../../io/tables/mod.ts'

export interface SystemUser {
  readonly name: string
  readonly uid: number
  readonly fullName: string
}

/** How long getent may take. */
const GETENT_LIMIT_MS = 5000

/** From /etc/passwd, else what getent knows; undefined for none. */
export function userOfUid(uid: number): SystemUser | undefined {
  for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
    const user = parseLine(line)
    if (user?.uid === uid) return user
  }
  try {
    const line = execFileSync('getent', ['passwd', String(uid)], { timeout: GETENT_LIMIT_MS, encoding: 'utf8' })
    return parseLine(line)
  } catch {
    return undefined // no such user, or no getent
  }
}

function parseLine(line: string): SystemUser | undefined {
  const [name = '', , uid = '', , gecos = ''] = line.split(':')
  if (name === '' || !/^\d+$/.test(uid)) return undefined
  // The name ends at the first comma; `&` stands for the login name. passwd(5)
  const capital = name.charAt(0).toUpperCase() + name.slice(1)
  const fullName = (gecos.trimEnd().split(',')[0] ?? '').replaceAll('&', capital)
  return { name, uid: Number(uid), fullName }
}

/** authorized_submit_users and its like: a list of user names. Postfix calls a user without name `unknown`. */
export async function isAuthorized(
  { config, tables }: { readonly config: Config; readonly tables: Pick<Tables, 'matchDomain'> },
  parameter: 'authorized_submit_users' | 'authorized_mailq_users' | 'authorized_flush_users',
  uid: number,
): Promise<boolean> {
  const list = tables.matchDomain(config.value(parameter) ?? 'static:anyone', { parentDomains: false, parameter })
  return (await list(userOfUid(uid)?.name ?? 'unknown')) !== undefined
}
