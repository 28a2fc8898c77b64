/**
 * The queue: accepted messages on their way out.
 * In: an envelope and content from intake. Out: one final status per recipient.
 */
export type * from './contract.ts'
