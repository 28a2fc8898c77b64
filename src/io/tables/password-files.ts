/**
 * Users' passwords as other servers' files have them, by log-in name: `sasldb2:FILE` (Cyrus SASL, Berkeley DB) and
 * `passwd-file:FILE` (Dovecot). The result is Dovecot's form, `{SCHEME}text`. Read anew when the file changes.
 */
import { readFileSync } from 'node:fs'
import type { Clock } from '../../base/mod.ts'
import { readBerkeley } from './berkeley.ts'
import type { Table } from './contract.ts'
import { TableError } from './errors.ts'
import { readTableFile } from './source.ts'
import { Watched } from './watched.ts'

export const PASSWORD_FILE_TYPES: readonly string[] = ['passwd-file', 'sasldb2']

/** Cyrus's names have their letter case; Dovecot's are in lower case (its auth_username_format). */
export function passwordFileTable(type: string, name: string, file: string, clock: Clock): Table {
  const table = `${type}:${name}`
  const read = type === 'sasldb2' ? readSasldb : readPasswdFile
  const users = new Watched([file], () => read(file, table), clock)
  return {
    name: table,
    type,
    fixed: true,
    get: (key) => users.get().get(type === 'sasldb2' ? key : key.toLowerCase()),
  }
}

/** Keys are `user NUL realm NUL property`. */
function readSasldb(file: string, table: string): ReadonlyMap<string, string> {
  readTableFile(file, table) // says why it cannot be opened
  try {
    const entries = [...readBerkeley(readFileSync(file))].flatMap(([key, password]): [string, string][] => {
      const [user = '', realm = '', property] = key.split('\0')
      return property === 'userPassword' ? [[`${user}@${realm}`, `{PLAIN}${password}`]] : []
    })
    return new Map(entries)
  } catch (error) {
    const text = `${file}: ${error instanceof Error ? error.message : String(error)}`
    throw new TableError('configuration', table, text, error)
  }
}

function readPasswdFile(file: string, table: string): ReadonlyMap<string, string> {
  const users = new Map<string, string>()
  for (const line of readTableFile(file, table).toString('utf8').split('\n')) {
    const [name = '', field = ''] = line.replace(/\r$/, '').split(/(?<!\\):/)
    // The first of a name counts, as in Dovecot.
    const key = name.replaceAll('\\:', ':').toLowerCase()
    if (name !== '' && !name.startsWith('#') && !users.has(key)) users.set(key, field.replaceAll('\\:', ':'))
  }
  return users
}
