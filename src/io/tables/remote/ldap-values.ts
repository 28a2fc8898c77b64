/** What the entries of a search amount to: attributes in their roles, and what DNs and URLs among them lead to. */
import type { Results } from './common.ts'
import { type LdapEntry, LdapFault, type LdapSearch } from './ldap-link.ts'
import { queryError, warn } from './settings.ts'

/** Attributes by what they are for; ldap_table(5). */
export interface Attributes {
  readonly terminal: readonly string[]
  readonly leaf: readonly string[]
  readonly ordinary: readonly string[]
  readonly special: readonly string[]
}

export interface Gathering {
  readonly table: string
  /** The name behind the type. */
  readonly name: string
  readonly attributes: Attributes
  readonly recursionLimit: number
  readonly sizeLimit: number
  readonly results: Results
  readonly search: (search: Pick<LdapSearch, 'base' | 'scope' | 'filter' | 'attributes'>) => Promise<LdapEntry[]>
}

type Role = keyof Attributes

const WHERE = 'dict_ldap_get_values'

export const allAttributes = ({ terminal, leaf, ordinary, special }: Attributes): string[] => [
  ...terminal,
  ...leaf,
  ...ordinary,
  ...special,
]

/** Adds what entries hold to the results; throws TableError at a limit. */
export async function gather(of: Gathering, entries: readonly LdapEntry[], depth = 1): Promise<void> {
  if (of.sizeLimit > 0 && entries.length > of.sizeLimit) {
    warn(of.table, `${WHERE}[${depth}]: ${of.name}: Query size limit (${of.sizeLimit}) exceeded`)
    throw queryError(of.table)
  }
  for (const entry of entries) await gatherEntry(of, entry, depth)
}

async function gatherEntry(of: Gathering, entry: LdapEntry, depth: number): Promise<void> {
  const roles = entry.map(([name, values]) => ({ name, values, role: roleOf(of.attributes, name) }))
  const has = (role: Role): boolean => roles.some((a) => a.role === role && a.values.length > 0)
  const isTerminal = has('terminal')
  const isLeaf = !has('special')
  for (const { name, values, role } of roles) {
    if (role === undefined || values.length === 0) continue
    if (isTerminal ? role !== 'terminal' : role === 'terminal' || (role === 'leaf' && !isLeaf)) continue
    if (role !== 'special') for (const value of values) of.results.add(value, `${WHERE}[${depth}]`)
    else if (depth >= of.recursionLimit) {
      const limit = `Recursion limit exceeded for special attribute ${name}=${values[0] ?? ''}`
      warn(of.table, `${WHERE}[${depth}]: ${of.name}: ${limit}`)
      throw queryError(of.table)
    } else for (const value of values) await follow(of, value, depth)
  }
}

/** An attribute's role; one with options (`mail;lang-en`) counts for one without. */
function roleOf(attributes: Attributes, name: string): Role | undefined {
  const is = (wanted: string): boolean => {
    const [long, short] = [name.toLowerCase(), wanted.toLowerCase()]
    return long === short || long.startsWith(`${short};`)
  }
  return (['terminal', 'leaf', 'ordinary', 'special'] as const).find((role) => attributes[role].some(is))
}

/** A DN, or a URL, whose entries have the same attributes. */
async function follow(of: Gathering, value: string, depth: number): Promise<void> {
  const all = allAttributes(of.attributes)
  let search: Parameters<Gathering['search']>[0] = {
    base: value,
    scope: 'base',
    filter: 'objectclass=*',
    attributes: all,
  }
  if (/^ldaps?:\/\//i.test(value)) {
    const url = parseLdapUrl(value)
    if (url === undefined) {
      warn(of.table, `${WHERE}[${depth}]: malformed URL ${value}: Bad parameter to an ldap routine(-9)`)
      throw queryError(of.table)
    }
    const wanted = url.attributes.length === 0 ? all : all.filter((a) => url.attributes.includes(a.toLowerCase()))
    if (wanted.length === 0) return
    search = { base: url.base, scope: url.scope, filter: url.filter, attributes: wanted }
  }
  let entries: LdapEntry[]
  try {
    entries = await of.search(search)
  } catch (error) {
    if (!(error instanceof LdapFault)) throw error
    if (error.code === 32) {
      warn(of.table, `${WHERE}[${depth}]: DN ${value} not found, skipping `)
      return
    }
    warn(of.table, `${WHERE}[${depth}]: search error ${error.code}: ${error.message} `)
    throw queryError(of.table, error)
  }
  await gather(of, entries, depth + 1)
}

export interface LdapUrl {
  readonly host: string
  readonly base: string
  readonly attributes: readonly string[]
  readonly scope: LdapSearch['scope']
  readonly filter: string
}

/** `ldap://host/base?attributes?scope?filter`; RFC 4516. */
export function parseLdapUrl(text: string): LdapUrl | undefined {
  const [, host = '', rest = ''] = /^(ldaps?:\/\/[^/]*)\/?(.*)$/is.exec(text) ?? []
  try {
    const [base = '', attributes = '', scope = '', filter = ''] = rest.split('?').map(decodeURIComponent)
    const scopes = { '': 'base', base: 'base', one: 'one', sub: 'sub' } as const
    const known = Object.entries(scopes).find(([name]) => name === scope.toLowerCase())?.[1]
    if (host === '' || known === undefined) return undefined
    const names = attributes.split(',').filter((a) => a !== '' && a !== '*')
    return {
      host,
      base,
      attributes: names.map((a) => a.toLowerCase()),
      scope: known,
      filter: filter === '' ? 'objectclass=*' : filter,
    }
  } catch {
    return undefined // `%` without two digits
  }
}
