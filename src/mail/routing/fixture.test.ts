/** A router over a main.cf in the test, with accounts and tables that stand in it. */
import type { Account } from '../accounts/contract.ts'
import { parseConfig } from '../../io/config/mod.ts'
import type { Found, Maps, Table, Tables } from '../../io/tables/contract.ts'
import { createRouter } from './router.ts'
import type { Router } from './contract.ts'
import type { RouterDeps } from './world.ts'

/** `{ a = b, { c = d e } }` */
function inlineEntries(text: string): Map<string, string> {
  const entries = new Map<string, string>()
  for (const m of text.matchAll(/\{([^{}]*)\}|([^\s,{}]+\s*=\s*[^\s,{}]+)/g)) {
    const pair = (m[1] ?? m[2] ?? '').trim()
    const equals = pair.indexOf('=')
    entries.set(pair.slice(0, equals).trim().toLowerCase(), pair.slice(equals + 1).trim())
  }
  return entries
}

/** `inline:{…}`, `fail:…`, `pattern:{ regex=result }`; enough for tests of other rooms. */
export function testTables(): Tables {
  const open = (name: string): Table => {
    const colon = name.indexOf(':')
    const type = name.slice(0, colon)
    const rest = name.slice(colon + 1)
    const fixed = type !== 'pattern'
    if (type === 'fail')
      return {
        name,
        type,
        fixed,
        get: () => {
          throw new Error(`${name}: cannot be asked`)
        },
      }
    if (type === 'static') return { name, type, fixed, get: () => rest }
    const entries = inlineEntries(rest.trim().replace(/^\{(.*)\}$/s, '$1'))
    const get = fixed
      ? (key: string) => entries.get(key.toLowerCase())
      : (key: string) => [...entries].find(([pattern]) => new RegExp(pattern, 'i').test(key))?.[1]
    return { name, type, fixed, get }
  }
  const maps = (text: string): Maps => {
    const tables = words(text).map(open)
    const findFirst = async (keys: readonly { key: string; partial: boolean }[]): Promise<Found | undefined> => {
      for (const { key, partial } of keys)
        for (const table of tables) {
          const result = partial && !table.fixed ? undefined : await table.get(key)
          if (result !== undefined) return { table: table.name, key, result }
        }
      return undefined
    }
    return { tables, findFirst, find: (key) => findFirst([{ key, partial: false }]) }
  }
  const matchDomain: Tables['matchDomain'] = (list, { parentDomains }) => {
    const entries = words(list)
    return async (domain) => {
      const name = domain.toLowerCase()
      for (const entry of entries) {
        if (entry.includes(':')) {
          if ((await open(entry).get(name)) !== undefined) return entry
        } else if (entry.toLowerCase() === name) return entry
        else if (name.endsWith((parentDomains ? '.' : '') + entry) && (parentDomains || entry.startsWith('.')))
          return entry
      }
      return undefined
    }
  }
  const matchAddress: Tables['matchAddress'] = (list) => async (client) =>
    words(list).find((n) => n === client.address || (n.endsWith('.0/24') && client.address.startsWith(n.slice(0, -4))))
  return { open, maps, matchDomain, matchAddress, close: () => {} }
}

function words(text: string): string[] {
  return text.match(/[^\s,{]*\{(?:[^{}]|\{[^{}]*\})*\}|[^\s,]+/g) ?? []
}

export function testAccount(address: string, id = 1): Account {
  const [localPart = '', domain = ''] = address.split('@')
  return { id, localPart, domain, realm: domain, disabled: false, quotaOctets: 0 }
}

/** Accounts `user` (of this host) and `user@domain` (of a hosted domain). */
export function testAccounts(addresses: readonly string[]): RouterDeps['accounts'] {
  const accounts = addresses.map((a, i) => testAccount(a, i + 1))
  const domains = [...new Set(accounts.map((a) => a.domain).filter(Boolean))]
  return {
    recipient: (local, domain) =>
      accounts.find((a) => a.localPart === local.toLowerCase() && a.domain === domain.toLowerCase()),
    hostsDomain: (domain) => domains.includes(domain.toLowerCase()),
  }
}

export const BASE = `
myhostname = mail.example.com
mydomain = example.com
compatibility_level = 3.6
alias_maps =
`

export interface Given {
  readonly accounts?: readonly string[]
  readonly systemUsers?: readonly string[]
  readonly directory?: string
  readonly masterCf?: string
}

export function testDeps(mainCf: string, given: Given = {}): RouterDeps {
  const options = {
    ...(given.directory === undefined ? {} : { directory: given.directory }),
    ...(given.masterCf === undefined ? {} : { masterCf: given.masterCf }),
  }
  return {
    config: parseConfig(BASE + mainCf, new Map(), options),
    tables: testTables(),
    accounts: testAccounts(given.accounts ?? []),
    systemUser: (name) => (given.systemUsers ?? []).includes(name),
    accountForSystemUser: () => undefined,
  }
}

export function testRouter(mainCf: string, given: Given = {}): Router {
  return createRouter(testDeps(mainCf, given))
}
