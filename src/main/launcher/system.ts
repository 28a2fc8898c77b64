/** The system's own word on users, groups and passwords: getent(1) and crypt(3), asked by the launcher as root. */
import { execFile } from 'node:child_process'
import type { SystemUser } from '../../mail/delivery/mod.ts'
import { askPam } from './pam.ts'
import { parseShadow } from './shadow.ts'
import { parsePasswd } from '../../mail/delivery/local/users.ts'

const LIMIT_MS = 10_000
const PERL = '/usr/bin/perl'
/** getent: no such key. */
const NOT_FOUND = 2
/** Nobody has it, and it costs what the passwords of this system cost. */
const NOBODYS = '$y$j9T$F5Jx5fExrKuPp53xLKQ..1$Ac0JV5zpB1XUcwvcmLRQSK3oVPaP/eE4p8jFlVFy6X5'
/** Perl knows crypt(3) with every method of the system. Hash and password come on standard input, one a line. */
const CHECK = `local $/; my ($hash, $password) = split /\\n/, <STDIN>, 2;
my $made = crypt($password, $hash); exit(defined $made && $made eq $hash && length $hash > 4 ? 0 : 1)`

/** One line of passwd, group or shadow; a user by name or number. Rejects when the system gave no answer. */
export function getent(database: 'passwd' | 'group' | 'shadow', key: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    execFile('getent', ['--', database, key], { timeout: LIMIT_MS }, (error, stdout) => {
      if (error === null) resolve(stdout.split('\n')[0])
      else if (error.code === NOT_FOUND) resolve(undefined)
      else reject(new Error(`getent ${database}: ${error.message}`, { cause: error }))
    })
  })
}

/** A number is no name: a user called `1000` cannot be asked for. */
const isName = (name: string): boolean => /^[A-Za-z_][\w.-]{0,63}\$?$/.test(name)

export async function userByName(name: string): Promise<SystemUser | undefined> {
  const user = isName(name) ? parsePasswd(await getent('passwd', name)) : undefined
  return user?.name === name ? user : undefined
}

export async function userByNumber(uid: number): Promise<SystemUser | undefined> {
  const user = parsePasswd(await getent('passwd', String(uid)))
  return user?.uid === uid ? user : undefined
}

export async function groupNumber(name: string): Promise<number | undefined> {
  const gid = isName(name) ? (await getent('group', name))?.split(':')[2] : undefined
  return gid !== undefined && /^\d+$/.test(gid) ? Number(gid) : undefined
}

/**
 * Whether it is the user's password. Unknown users, root, locked and expired ones, and those whose
 * password is expired are refused after as long a time as
 * known ones. Rejects when it cannot be told.
 * @param pamService who is asked; `''`: passwd and shadow
 */
export async function checkPassword(name: string, password: string, nowMs: number, pamService = ''): Promise<boolean> {
  const user = await userByName(name)
  if (pamService !== '') {
    const isAsked = user !== undefined && user.uid !== 0
    return (await askPam(pamService, isAsked ? user.name : 'nobody', password)) && isAsked
  }
  const shadow = await getent('shadow', user?.name ?? 'nobody')
  const { hash, isExpired } = parseShadow(shadow, nowMs)
  const isUsable = user !== undefined && user.uid !== 0 && hash !== ''
  const isRight = await crypts(isUsable ? hash : NOBODYS, password)
  return isRight && isUsable && !isExpired && !password.includes('\n')
}

function crypts(hash: string, password: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const child = execFile(PERL, ['-e', CHECK], { timeout: LIMIT_MS }, (error) => {
      if (error === null) resolve(true)
      else if (error.code === 1) resolve(false)
      else reject(new Error(`${PERL}: ${error.message}`, { cause: error }))
    })
    child.stdin?.on('error', () => {}) // its exit tells
    child.stdin?.end(`${hash}\n${password}`)
  })
}
