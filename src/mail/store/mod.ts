/**
 * The store: mailboxes, UIDs, MODSEQ, flags, search, the change feed.
 * In: deposits from intake, commands from imapd and pop3d. Out: views and messages.
 * On disk: tables of schema.ts: `account_state mailbox mailbox_keywords subscription mailbox_page expunged message placement
 * thread_link annotation mailbox_right mailbox_seen`.
 * Settings: params.ts. Standards: RFC 9051, RFC 3501 (\Recent), RFC 7162 (MODSEQ), RFC 6851, RFC 4315, RFC 4314 (who may do what).
 *
 * At a start: openDatabase with `storeSchema`; after a power cut `afterPowerCut(tx)`, then the log's recovery with
 * `appendReplay(…)`; then `undoUnfinishedCopies`; then a store a thread. Upkeep's thread runs a `StoreUpkeep` now and then.
 */
export type * from './contract.ts'
export { afterPowerCut, MODSEQ_MARGIN, UID_MARGIN } from './account-state.ts'
export { createAnalyser } from './analyse.ts'
export { type StoreCheck, type StoreFinding } from './check-contract.ts'
export { checkMailboxes } from './check-mailboxes.ts'
export { checkMessages, checkPacked } from './check-messages.ts'
export { canonicalName } from './names.ts'
export { emailId, threadId } from './object-ids.ts'
export { mendAccounts, mendThreads } from './mend-accounts.ts'
export { DROP_MENDING_INDICES, type MendReport, type Mending, MENDING_INDICES, rowMarks } from './mend-contract.ts'
export { mendMailboxes } from './mend-mailboxes.ts'
export { mendMessages, type Reread } from './mend-messages.ts'
export { PREVIEW_CHARACTERS } from './preview.ts'
export { SHARED_SEEN_ENTRY } from './private-seen.ts'
export { ANYONE, AUTHENTICATED, requiredRights, SHARED_ACCOUNT } from './rights.ts'
export { ChangeFeed, FEED_OCTETS } from './feed.ts'
export { storeParams, type StoreSettings } from './params.ts'
export { storeSchema } from './schema.ts'
export { appendedIn, type RecordedMessage } from './recorded.ts'
export { appendReplay, createStore, type StoreOptions, undoUnfinishedCopies } from './store.ts'
export { contentReader } from './read-content.ts'
export { type IndexStatus, indexStatus, rebuildIndex } from './search-scan.ts'
export { type MailItem, messagesCalled, storedMail, type StoredMailbox, storedMailboxes } from './stored-mail.ts'
export { StoreUpkeep, type UpkeepReport } from './upkeep.ts'
export { ViewLostError } from './view.ts'
export { storeContent } from './content.ts'
