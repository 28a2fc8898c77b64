/**
 * Lookup tables: `hash:` `regexp:` `cidr:` …, one interface for every map parameter.
 */
export type * from './contract.ts'
