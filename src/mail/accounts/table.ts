/**
 * The accounts as a lookup table, `accounts:`: an address, or a bare name of this host, gives the names that its owner may
 * log in with. So `smtpd_sender_login_maps = accounts:` lets everybody send from the own address, and it can stand wherever
 * Postfix wants to know who there is.
 */
import type { Table } from '../../io/tables/mod.ts'
import type { Accounts } from './contract.ts'

export function accountsTable(accounts: Pick<Accounts, 'find' | 'loginNames'>): Pick<Table, 'get' | 'fixed'> {
  return {
    fixed: true,
    get(key) {
      // `@example.com` is a domain's catch-all in Postfix's tables: an account is never one.
      const account = key.startsWith('@') ? undefined : accounts.find(key)
      return account && accounts.loginNames(account).join(', ')
    },
  }
}
