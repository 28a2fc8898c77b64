/** Accounts of the tests: a database in memory, or in a directory of their own. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { manualClock } from '../../base/mod.ts'
import { openDatabase } from '../../io/db/mod.ts'
import { StoredAccounts, type AccountsOptions } from './accounts.ts'
import { accountsSchema } from './schema.ts'
import type { Family } from './verifiers.ts'

export const FAMILIES_BY_DEFAULT: readonly Family[] = ['scram-sha-256', 'scram-sha-1', 'digest-md5', 'cram-md5']

const LOCAL = ['midominio.com', 'dominio.virtual']

/** `mail.midominio.com` with two domains in mydestination. */
export function testAccounts(
  t: TestContext,
  options: Partial<AccountsOptions> & { readonly path?: string } = {},
): StoredAccounts {
  const { path = ':memory:', ...rest } = options
  const db = openDatabase({ path, schemas: [accountsSchema] })
  t.after(() => db.close())
  return new StoredAccounts({
    db,
    key: Buffer.alloc(32, 7),
    defaultRealm: 'mail.midominio.com',
    isLocalDomain: (domain) => LOCAL.includes(domain),
    localDomains: LOCAL,
    families: FAMILIES_BY_DEFAULT,
    clock: manualClock(),
    ...rest,
  })
}

export function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'postigo-accounts-'))
  t.after(() => rmSync(directory, { recursive: true }))
  return directory
}
