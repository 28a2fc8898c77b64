/** `ldap:FILE`: directories; ldap_table(5). */
import { readFileSync } from 'node:fs'
import { systemText } from '#src/base/mod.ts'
import { splitList } from '../../config/mod.ts'
import type { Table } from '../contract.ts'
import { TableError } from '../errors.ts'
import { foldKey } from '../fold.ts'
import { keyParts, type QueryTemplate } from '../query-template.ts'
import { type DomainGuard, domainGuard, Results, template } from './common.ts'
import { LdapFault, LdapLink, type LdapSearch, type LdapSession } from './ldap-link.ts'
import { allAttributes, type Attributes, gather, parseLdapUrl } from './ldap-values.ts'
import { pemFiles } from './pem-files.ts'
import { Pool } from './pool.ts'
import { queryError, type RemoteOptions, TableSettings, warn } from './settings.ts'

/** Connections unused for so long are closed. */
const IDLE_MS = 60_000
/** Referrals that lead to referrals are followed so far, and so many of a search. */
const REFERRAL_HOPS = 5
const MOST_REFERRALS = 50

interface Settings {
  readonly session: LdapSession
  readonly base: QueryTemplate
  readonly query: QueryTemplate
  readonly format: QueryTemplate
  readonly attributes: Attributes
  readonly scope: LdapSearch['scope']
  readonly dereference: number
  readonly chasesReferrals: boolean
  readonly recursionLimit: number
  readonly expansionLimit: number
  readonly sizeLimit: number
}

export function ldapTable(options: RemoteOptions): Table {
  const source = new TableSettings('ldap', options)
  const table = new LdapTable(source, readSettings(source), domainGuard(source, options))
  return {
    name: source.table,
    type: 'ldap',
    fixed: true,
    get: (key) => table.get(key),
    close: () => table.close(),
  }
}

class LdapTable {
  readonly #table: string
  readonly #name: string
  readonly #settings: Settings
  readonly #guard: DomainGuard
  readonly #pool: Pool<LdapLink>

  constructor(source: TableSettings, settings: Settings, guard: DomainGuard) {
    this.#table = source.table
    this.#name = source.name
    this.#settings = settings
    this.#guard = guard
    this.#pool = new Pool(() => this.#open(settings.session), IDLE_MS)
  }

  async get(key: string): Promise<string | undefined> {
    const folded = foldKey(key)
    const { base, query, format } = this.#settings
    const parts = keyParts(folded)
    if (folded === '') {
      warn(this.#table, `table "${this.#table}": empty query string -- ignored`)
      return undefined
    }
    if (folded.includes('\0') || !(await this.#guard(parts)) || !format.isFor(parts)) return undefined
    const [dn, filter] = [base.expand(parts, quoteDn), query.expand(parts, quoteFilter)]
    if (dn === undefined || filter === undefined) return undefined
    try {
      return await this.#pool.use((link) => this.#ask(link, folded, dn, filter))
    } catch (error) {
      if (!(error instanceof LdapFault)) throw error instanceof TableError ? error : queryError(this.#table, error)
      if (error.code === 32 && base.isDynamic) return undefined
      // A server that dropped an idle connection is asked over a new one.
      if (error.code === -1) return this.#again(folded, dn, filter)
      throw this.#searchFault(error, dn)
    }
  }

  close(): void {
    this.#pool.close()
  }

  async #again(key: string, dn: string, filter: string): Promise<string | undefined> {
    this.#pool.dropIdle()
    try {
      return await this.#pool.use((link) => this.#ask(link, key, dn, filter), true)
    } catch (error) {
      if (error instanceof LdapFault) throw this.#searchFault(error, dn)
      throw error instanceof TableError ? error : queryError(this.#table, error)
    }
  }

  async #ask(link: LdapLink, key: string, base: string, filter: string): Promise<string | undefined> {
    const { attributes, scope, format, recursionLimit, expansionLimit, sizeLimit } = this.#settings
    const results = new Results(this.#table, key, format, expansionLimit)
    let last = 0
    const search = async (what: Pick<LdapSearch, 'base' | 'scope' | 'filter' | 'attributes'>): Promise<Found> => {
      try {
        last = 0
        return await this.#search(link, { ...what, sizeLimit, dereference: this.#settings.dereference })
      } catch (error) {
        last = error instanceof LdapFault ? error.code : 0
        throw error
      }
    }
    const entries = await search({ base, scope, filter, attributes: allAttributes(attributes) })
    await gather(
      { table: this.#table, name: this.#name, attributes, recursionLimit, sizeLimit, results, search },
      entries,
    )
    // What Postfix finds in its library's last error, behind a DN that leads nowhere.
    if (last === 32)
      warn(this.#table, `dict_ldap_lookup: Had some trouble with entries returned by search: No such object`)
    return results.text
  }

  /** With chase_referrals, entries of other servers too: they are asked without a name, as OpenLDAP's library does. */
  async #search(link: LdapLink, search: LdapSearch, hops = 0): Promise<Found> {
    const { entries, references } = await link.search(search)
    if (!this.#settings.chasesReferrals || hops >= REFERRAL_HOPS) return entries
    for (const reference of references.slice(0, MOST_REFERRALS)) {
      const url = parseLdapUrl(reference)
      if (url === undefined) continue
      const session: LdapSession = { ...this.#settings.session, urls: [url.host], bind: 'none' }
      const other = await this.#open(session)
      try {
        const base = url.base === '' ? search.base : url.base
        // What a search of one level refers to is that one entry (RFC 4511 §4.5.3).
        const scope = search.scope === 'one' ? 'base' : search.scope
        entries.push(...(await this.#search(other, { ...search, base, scope }, hops + 1)))
      } finally {
        other.close()
      }
    }
    return entries
  }

  async #open(session: LdapSession): Promise<LdapLink> {
    let phase = 'connect'
    try {
      return await LdapLink.open(session, (now) => (phase = now))
    } catch (error) {
      if (!(error instanceof LdapFault)) throw error
      const { code, message } = error
      const urls = session.urls.join(' ')
      if (phase === 'tls') {
        warn(this.#table, `dict_ldap_connect: Unable to set STARTTLS: ${code}: ${message}`)
        throw queryError(this.#table, error)
      }
      // Without a bind the library connects with the first search.
      if (session.bind === 'none') throw error
      const dn = session.dn === '' ? 'empty or implicit' : session.dn
      warn(this.#table, `dict_ldap_connect: Unable to bind to server ${urls} with dn ${dn}: ${code} (${message})`)
      throw queryError(this.#table, error)
    }
  }

  #searchFault(error: LdapFault, base: string): TableError {
    const { code, message } = error
    if (code === 32)
      warn(this.#table, `dict_ldap_lookup: ${this.#name}: Search base '${base}' not found: ${code}: ${message}`)
    else warn(this.#table, `dict_ldap_lookup: Search error ${code}: ${message} `)
    return queryError(this.#table, error)
  }
}

type Found = Awaited<ReturnType<LdapLink['search']>>['entries']

const hex = (c: string): string => `\\${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
/** RFC 2253, and more than it asks for. */
export const quoteDn = (text: string): string => text.replace(/[ \t"#+,;<>\\]/g, hex)
/** RFC 4515 §3. */
export const quoteFilter = (text: string): string => text.replace(/[*()\\]/g, hex)

function readSettings(source: TableSettings): Settings {
  const query = source.text('query_filter', '(mailacceptinggeneralid=%s)')
  const expansionLimit = source.number('expansion_limit', 0)
  const dereference = source.number('dereference', 0)
  const settings: Settings = {
    session: readSession(source),
    base: template(source, 'query', source.text('search_base')),
    query: template(source, 'query', query),
    format: template(source, 'result', source.text('result_format', source.text('result_filter', '%s'))),
    attributes: {
      terminal: splitList(source.text('terminal_result_attribute')),
      leaf: splitList(source.text('leaf_result_attribute')),
      ordinary: splitList(source.given('result_attribute') ?? 'maildrop'),
      special: splitList(source.text('special_result_attribute')),
    },
    scope: scopeOf(source),
    dereference: dereference >= 0 && dereference <= 3 ? dereference : 0,
    chasesReferrals: source.flag('chase_referrals', false),
    recursionLimit: source.number('recursion_limit', 1000, 1),
    expansionLimit,
    sizeLimit: source.number('size_limit', expansionLimit),
  }
  if (!settings.query.isDynamic)
    warn(source.table, `dict_ldap_open: ${source.name}: Fixed query_filter ${query} is probably useless`)
  warnOfIgnored(source)
  return settings
}

/** What OpenLDAP no longer has, and what is about its library alone: read, so that it is not taken for misspelt. */
function warnOfIgnored(source: TableSettings): void {
  const said = (key: string): void => warn(source.table, `dict_ldap_open: ${source.name} ignoring ${key}`)
  if (source.flag('cache', false)) said('cache')
  for (const key of ['cache_expiry', 'cache_size']) if (source.number(key, -1, -1) >= 0) said(key)
  if (source.number('debuglevel', 0) > 0) said('debuglevel')
  if (source.text('tls_random_file') !== '') said('tls_random_file')
  if (source.number('sasl_minssf', 0) > 0) said('sasl_minssf')
}

function scopeOf(source: TableSettings): LdapSearch['scope'] {
  const scope = source.text('scope', 'sub')
  const known = (['sub', 'one', 'base'] as const).find((name) => name === scope.toLowerCase())
  if (known !== undefined) return known
  warn(source.table, `dict_ldap_open: ${source.name}: Unrecognized value ${scope} specified for scope; using sub`)
  return 'sub'
}

/** @param trusts whether a server's certificate need not be vouched for, where the settings say nothing */
export function readSession(source: TableSettings, trusts = true): LdapSession {
  const port = source.number('server_port', 389)
  const version = source.number('version', 3, 2)
  if (version !== 2 && version !== 3)
    warn(source.table, `dict_ldap_open: ${source.name} Unknown version ${version}, using 3.`)
  const urls = splitList(source.text('server_host', 'localhost')).map((host) => {
    if (/^ldap[is]?:\/\//i.test(host)) return host
    return /:[^:]*$/.test(host) ? `ldap://${host}` : `ldap://${host}:${port}`
  })
  const wrong = urls.find((url) => !/^ldapi:/i.test(url) && !URL.canParse(url))
  if (wrong !== undefined) throw source.fault('server_host', `server_host: ${wrong} is no LDAP URL`)
  return {
    urls,
    timeoutMs: source.number('timeout', 10) * 1000,
    startTls: source.flag('start_tls', false),
    tls: readTls(source, trusts),
    ...readBind(source),
  }
}

function readBind(source: TableSettings): Pick<LdapSession, 'bind' | 'dn' | 'password' | 'authzId'> {
  const how = source.text('bind', 'yes')
  const kind = { yes: 'simple', simple: 'simple', no: 'none', none: 'none', sasl: 'sasl' } as const
  const bind = Object.entries(kind).find(([name]) => name === how.toLowerCase())?.[1]
  if (bind === undefined) throw source.fault('bind', `unsupported parameter value: bind = ${how}`)
  const mechanisms = splitList(source.text('sasl_mechs').toUpperCase())
  source.text('sasl_realm') // neither EXTERNAL nor PLAIN has one
  const known = (['EXTERNAL', 'PLAIN'] as const).filter((name) => mechanisms.length === 0 || mechanisms.includes(name))
  const mechanism = known.find((name) => name === 'EXTERNAL' || source.text('bind_dn') !== '') ?? known[0]
  if (bind === 'sasl' && mechanism === undefined)
    throw source.fault('sasl_mechs', `sasl_mechs = ${mechanisms.join(' ')}: EXTERNAL and PLAIN are spoken here`)
  return {
    bind: bind === 'sasl' ? (mechanism ?? 'EXTERNAL') : bind,
    dn: source.text('bind_dn'),
    password: source.text('bind_pw'),
    authzId: source.text('sasl_authz_id'),
  }
}

function readTls(source: TableSettings, trusts: boolean): LdapSession['tls'] {
  const read = (key: string): string | undefined => {
    const path = source.text(key)
    if (path === '') return undefined
    try {
      return readFileSync(path, 'utf8')
    } catch (error) {
      throw source.fault(key, `${key} = ${path}: ${systemText(error)}`)
    }
  }
  const [file, cert, key] = [read('tls_ca_cert_file'), read('tls_cert'), read('tls_key')]
  const ca = file === undefined ? pemFiles(source.text('tls_ca_cert_dir')) : [file]
  const ciphers = source.text('tls_cipher_suite')
  return {
    ...(ca.length > 0 && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(ciphers !== '' && { ciphers }),
    rejectUnauthorized: source.flag('tls_require_cert', !trusts),
  }
}
