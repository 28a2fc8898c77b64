/** `--all`: whose mail lies where, as main.cf says. */
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../../io/config/mod.ts'
import { parsePasswd, type SystemUser } from '../../mail/delivery/mod.ts'
import type { Rights } from '../folders/rights.ts'
import { asked } from '../folders/import-folder.ts'
import type { DataAccess } from './data-access.ts'

export interface ImportPlan {
  readonly account: { readonly account: string } | { readonly systemUser: string }
  readonly path: string
  /** undefined: those of the path's owner. */
  readonly rights: Rights | undefined
}

/** Octets of a passwd database. */
const PASSWD_LIMIT = 64 * 1024 * 1024

export async function plansOfAll(
  config: Config,
  data: Pick<DataAccess, 'ask'>,
  folders: string | undefined,
  problem: (text: string) => void,
): Promise<ImportPlan[]> {
  const users = everybody()
  return [...ofUsers(config, users, folders), ...(await ofVirtual(data, problem))]
}

function everybody(): SystemUser[] {
  const text = execFileSync('getent', ['passwd'], { encoding: 'utf8', maxBuffer: PASSWD_LIMIT })
  return text.split('\n').flatMap((line) => parsePasswd(line) ?? [])
}

function ofUsers(config: Config, users: readonly SystemUser[], folders: string | undefined): ImportPlan[] {
  const home = config.value('home_mailbox') ?? ''
  const spool = config.value('mail_spool_directory') ?? ''
  const spooled = new Set(spool === '' || !existsSync(spool) ? [] : readdirSync(spool))
  return users.flatMap(({ name, uid, gid, home: directory }) => {
    const paths = [
      ...(home === '' ? [] : [join(directory, home)]),
      ...(spooled.has(name) ? [join(spool, name)] : []),
      ...(folders === undefined ? [] : [join(directory, folders)]),
    ]
    return [...new Set(paths)]
      .filter((path) => statSync(path, { throwIfNoEntry: false }) !== undefined)
      .map((path) => ({ account: { systemUser: name }, path, rights: { uid, gid } }))
  })
}

/** Accounts of hosted domains, by the tables that virtual(8) would ask. */
async function ofVirtual(data: Pick<DataAccess, 'ask'>, problem: (text: string) => void): Promise<ImportPlan[]> {
  const answer = await asked(data, { command: 'import-virtual' })
  const mailboxes = answer['mailboxes'] as readonly { address: string; path: string }[]
  const without = answer['without'] as readonly { address: string; path: string }[]
  for (const { address, path } of without)
    if (existsSync(path))
      problem(`${path}: there is no account ${address}: "postigo account add ${address}", and run this again; left`)
  return mailboxes
    .filter(({ path }) => existsSync(path))
    .map(({ address, path }) => ({ account: { account: address }, path, rights: undefined }))
}
