/**
 * Accounts: domains, users, credentials, quotas, rights.
 */
export type { Account, AccountId, Accounts, Credential } from './contract.ts'
