/** Passwords that a directory checks: a bind as the user. The settings are those of an `ldap:` table, and `user_dn`. */
import { keyParts, type QueryTemplate } from '../query-template.ts'
import { TableError } from '../errors.ts'
import { template } from './common.ts'
import { quoteDn, quoteFilter, readSession } from './ldap.ts'
import { LdapFault, LdapLink, type LdapSession } from './ldap-link.ts'
import { Pool } from './pool.ts'
import { TableSettings, warn } from './settings.ts'

const IDLE_MS = 60_000

/** The entry of a user: its name made, or looked for. */
type Finder =
  | { readonly kind: 'dn'; readonly dn: QueryTemplate }
  | { readonly kind: 'search'; readonly base: QueryTemplate; readonly filter: QueryTemplate }

export class LdapPasswords {
  readonly #table: string
  readonly #finder: Finder
  /** Whether an entry is told by the domain of a name too. */
  readonly #asksDomain: boolean
  /** Domains whose users `%u` is enough for. */
  readonly #domains: ReadonlySet<string>
  /** Bound as the settings say, to search. */
  readonly #searches: Pool<LdapLink>
  /** Bound as one user after the other, and never searched over. */
  readonly #binds: Pool<LdapLink>
  /** Hosts that hear passwords in clear. */
  readonly clearHosts: readonly string[]

  /** @param file an absolute path. Throws TableError, with the line where that is known. */
  constructor(file: string) {
    const source = new TableSettings('ldap', { name: file, file, parameter: () => undefined })
    const session = readSession(source, false)
    this.#table = source.table
    this.#finder = finderOf(source)
    this.#asksDomain = asksDomain(source)
    this.#domains = domainsOf(source)
    this.#searches = new Pool(() => open(session), IDLE_MS)
    this.#binds = new Pool(() => open({ ...session, bind: 'none' }), IDLE_MS)
    this.clearHosts = session.startTls ? [] : session.urls.filter(isClear)
    const [unused] = source.unused()
    if (unused !== undefined) warn(this.#table, `unused parameter: ${unused.key}`)
  }

  /**
   * Whether it is the name's password. Throws TableError where that cannot be told.
   * @param user what `%u` stands for: the name alone where its domain is this host's. Of any other domain it is the whole
   * name, or ana of one domain would get into ana's mailbox of another with her own password.
   */
  async verify(name: string, password: string, user = name): Promise<boolean> {
    if (name === '' || password === '' || name.includes('\0') || password.includes('\0')) return false
    try {
      const dn = await this.#entryOf(name, user)
      return dn !== undefined && (await twice(this.#binds, (link) => link.authenticate(dn, password)))
    } catch (error) {
      if (error instanceof TableError) throw error
      const code = error instanceof LdapFault ? `${error.code}: ` : ''
      const text = `${code}${error instanceof Error ? error.message : String(error)}`
      throw new TableError('unavailable', this.#table, text, error)
    }
  }

  close(): void {
    this.#searches.close()
    this.#binds.close()
  }

  async #entryOf(name: string, user: string): Promise<string | undefined> {
    const whole = keyParts(name)
    const isTold = this.#asksDomain || this.#domains.has(whole.domain?.toLowerCase() ?? '')
    const parts = isTold ? whole : { ...whole, local: user }
    const finder = this.#finder
    if (finder.kind === 'dn') return finder.dn.expand(parts, quoteDn)
    const [base, filter] = [finder.base.expand(parts, quoteDn), finder.filter.expand(parts, quoteFilter)]
    if (base === undefined || filter === undefined) return undefined
    const search = { base, filter, scope: 'sub', attributes: ['1.1'], sizeLimit: 2, dereference: 0 } as const
    const { dns } = await twice(this.#searches, (link) => link.search(search))
    if (dns.length > 1) warn(this.#table, `${dns.length} entries for one log-in name: none is taken`)
    return dns.length === 1 ? dns[0] : undefined
  }
}

function finderOf(source: TableSettings): Finder {
  const dn = source.text('user_dn')
  const [base, filter] = [source.text('search_base'), source.text('query_filter', '(mail=%s)')]
  if (dn === '' && base === '') throw source.fault('search_base', 'user_dn or search_base is needed')
  const finder: Finder =
    dn === ''
      ? { kind: 'search', base: template(source, 'query', base), filter: template(source, 'query', filter) }
      : { kind: 'dn', dn: template(source, 'query', dn) }
  const isFixed = finder.kind === 'dn' ? !finder.dn.isDynamic : !finder.filter.isDynamic
  if (isFixed) throw source.fault(dn === '' ? 'query_filter' : 'user_dn', 'names the same entry for everybody')
  return finder
}

/** In one branch of an alternative it is of no use to the others. */
function asksDomain(source: TableSettings): boolean {
  const filter = source.text('query_filter')
  const texts = [source.text('user_dn'), source.text('search_base'), filter.includes('(|') ? '' : filter]
  return texts.some((text) => /%[dD1-9]/.test(text.replaceAll('%%', '')))
}

/** `domain`, of names alone. */
function domainsOf(source: TableSettings): ReadonlySet<string> {
  const words = source
    .text('domain')
    .split(/[\s,]+/)
    .filter((word) => word !== '')
  const other = words.find((word) => !/^[\w.-]+$/.test(word))
  if (other !== undefined) throw source.fault('domain', `${other} is no name of a domain`)
  return new Set(words.map((word) => word.toLowerCase()))
}

const open = (session: LdapSession): Promise<LdapLink> => LdapLink.open(session, () => {})

/** A server that dropped an idle connection is asked over a new one. */
async function twice<T>(pool: Pool<LdapLink>, ask: (link: LdapLink) => Promise<T>): Promise<T> {
  let isUsed = false
  try {
    return await pool.use((link, used) => {
      isUsed = used
      return ask(link)
    })
  } catch (error) {
    if (!(isUsed && error instanceof LdapFault && error.code === -1)) throw error
    pool.dropIdle()
    return pool.use(ask, true)
  }
}

function isClear(url: string): boolean {
  if (!/^ldap:/i.test(url)) return false
  return !['localhost', '127.0.0.1', '[::1]', ''].includes(new URL(url).hostname)
}
