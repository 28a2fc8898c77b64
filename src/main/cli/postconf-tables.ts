/** Names of parameters that describe a table in main.cf (`myldap_server_host`), and files that describe one. */
import { readFileSync } from 'node:fs'
import { readLogicalLines, splitList, splitNameValue } from '../../io/config/mod.ts'

export interface TableKind {
  readonly type: string
  /** What may stand in its file, or behind `NAME_` in main.cf. */
  readonly suffixes: readonly string[]
}

const COMMON = 'domain result_format expansion_limit'
const SQL = `${COMMON} hosts user password dbname query idle_interval retry_interval`
const QUERY = 'additional_conditions select_field table where_field'

const kind = (type: string, words: string): TableKind => ({ type, suffixes: words.split(' ') })

/** ldap_table(5), mysql_table(5), pgsql_table(5), sqlite_table(5), memcache_table(5), mongodb_table(5). */
const KINDS: readonly TableKind[] = [
  kind(
    'ldap',
    `${COMMON} bind bind_dn bind_pw cache cache_expiry cache_size chase_referrals debuglevel dereference` +
      ' leaf_result_attribute query_filter recursion_limit result_attribute result_filter sasl_authz_id sasl_mechs' +
      ' sasl_minssf sasl_realm scope search_base server_host server_port size_limit special_result_attribute start_tls' +
      ' terminal_result_attribute timeout tls_ca_cert_dir tls_ca_cert_file tls_cert tls_cipher_suite tls_key' +
      ' tls_random_file tls_require_cert version',
  ),
  kind(
    'mysql',
    `${SQL} ${QUERY} option_file option_group tls_key_file tls_cert_file tls_CAfile tls_CApath tls_ciphers` +
      ' tls_verify_cert require_result_set charset',
  ),
  kind('pgsql', `${SQL} ${QUERY} select_function encoding`),
  kind('sqlite', `${COMMON} ${QUERY} dbpath query`),
  kind(
    'memcache',
    'domain memcache backup key_format data_size_limit line_size_limit max_try retry_pause timeout ttl flags',
  ),
  kind('mongodb', `${COMMON} uri dbname collection query_filter projection result_attribute`),
]

/** `type:name` in a list, for the types whose tables are described by parameters; inside `{ … }` too. */
export function tablesIn(text: string): { readonly kind: TableKind; readonly name: string }[] {
  return splitList(text).flatMap((word) => {
    if (word.startsWith('{')) return tablesIn(word.slice(1, word.endsWith('}') ? -1 : undefined))
    const [, type = '', name = ''] = /^(?:proxy:)*([^:{}]+):(.+)$/s.exec(word) ?? []
    if (name.startsWith('{')) {
      const isText = type === 'regexp' || type === 'pcre' // patterns may look like anything
      return isText ? [] : tablesIn(name)
    }
    const found = KINDS.find((k) => k.type === type)
    return found === undefined ? [] : [{ kind: found, name }]
  })
}

/** What Postfix says of a file that describes a table: missing, or with names that it does not know. */
export function clientFileWarnings({ type, suffixes }: TableKind, file: string): string[] {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'EACCES') return [] // files with passwords are for the few
    const why = code === 'ENOENT' ? 'No such file or directory' : 'not a regular file'
    return [`open "${type}" configuration "${file}": ${why}`]
  }
  return readLogicalLines(text).lines.flatMap((line) => {
    const pair = splitNameValue(line.text)
    if (typeof pair === 'string' || suffixes.includes(pair.name)) return []
    return [`${type}:${file}: unused parameter: ${pair.name}=${pair.value}`]
  })
}
