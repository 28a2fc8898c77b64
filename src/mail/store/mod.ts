/**
 * The store: mailboxes, UIDs, MODSEQ, flags, search, the change feed.
 * In: deposits from intake, commands from imapd and pop3d. Out: views and messages.
 */
export type * from './contract.ts'
