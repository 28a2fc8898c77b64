/**
 * Tables that a server answers: `pgsql: mysql: ldap: memcache: socketmap: tcp:`. Nothing is connected to before the first
 * question. Standards: pgsql_table(5), mysql_table(5), ldap_table(5), memcache_table(5), socketmap_table(5), tcp_table(5).
 */
export { type RemoteFinding, remoteFindings } from './findings.ts'
export { REMOTE_TYPES, remoteTable } from './makers.ts'
export { LdapPasswords } from './ldap-passwords.ts'
export type { RemoteOptions } from './settings.ts'
