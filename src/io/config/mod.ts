/**
 * main.cf and master.cf: syntax, `$name` expansion, typed parameters.
 */
export type * from './contract.ts'
