/**
 * Policy: restriction lists, access maps, DNS lists, rate limits → a verdict and the path that led to it.
 */
export type * from './contract.ts'
