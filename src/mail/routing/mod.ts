/**
 * Rewriting, alias expansion, address class, transport and nexthop.
 */
export type * from './contract.ts'
