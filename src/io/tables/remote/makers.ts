/** Which maker makes a table of which type. */
import type { Table } from '../contract.ts'
import { ldapTable } from './ldap.ts'
import { memcacheTable } from './memcache.ts'
import { mysqlTable } from './mysql.ts'
import { pgsqlTable } from './pgsql.ts'
import { type RemoteOptions, SettingsError } from './settings.ts'
import { socketmapTable } from './socketmap.ts'
import { tcpTable } from './tcp.ts'

const MAKERS: Readonly<Record<string, (options: RemoteOptions) => Table>> = {
  ldap: ldapTable,
  memcache: memcacheTable,
  mysql: mysqlTable,
  pgsql: pgsqlTable,
  socketmap: socketmapTable,
  tcp: tcpTable,
}

export const REMOTE_TYPES: readonly string[] = Object.keys(MAKERS)

/** Opens a table of one of these types; throws SettingsError. */
export function remoteTable(type: string, options: RemoteOptions): Table {
  const make = MAKERS[type]
  if (make === undefined) throw new SettingsError(`${type}:${options.name}`, `unsupported dictionary type: ${type}`)
  return make(options)
}
