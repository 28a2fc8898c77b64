/**
 * SMTP's words: commands, replies, status codes, ESMTP parameters; both sides, LMTP too. RFC 5321.
 */
export type * from './contract.ts'
