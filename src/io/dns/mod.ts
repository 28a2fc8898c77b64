/**
 * DNS: a stub resolver with TTL cache and DNSSEC state.
 */
export type * from './contract.ts'
