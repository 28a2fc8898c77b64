/** A router over a main.cf in the test, with accounts and tables that stand in it. */
import type { Account } from '../accounts/contract.ts'
import { parseConfig } from '../../io/config/mod.ts'
import { createTables } from '../../io/tables/mod.ts'
import { createRouter } from './router.ts'
import type { Router } from './contract.ts'
import type { RouterDeps } from './world.ts'

export function testAccount(address: string, id = 1): Account {
  const [localPart = '', domain = ''] = address.split('@')
  return { id, localPart, domain, realm: domain, disabled: false, quotaOctets: 0, quotaMessages: 0, quotaMailboxes: 0 }
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
  /** System users with a .forward file. */
  readonly forwarders?: readonly string[]
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
    tables: createTables(),
    accounts: testAccounts(given.accounts ?? []),
    systemUser: (name) =>
      (given.systemUsers ?? []).includes(name)
        ? { name, uid: 1000, gid: 1000, home: `/home/${name}`, shell: '/bin/sh' }
        : undefined,
    accountForSystemUser: () => undefined,
    hasForward: ({ name }) => (given.forwarders ?? []).includes(name),
  }
}

export function testRouter(mainCf: string, given: Given = {}): Router {
  return createRouter(testDeps(mainCf, given))
}
