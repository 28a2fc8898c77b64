/**
 * IMAP's words: commands and responses, sequence sets, ENVELOPE and BODYSTRUCTURE. RFC 9051, RFC 3501.
 */
export type * from './contract.ts'
