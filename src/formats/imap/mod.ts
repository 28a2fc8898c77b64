/**
 * IMAP's words: commands and responses, sequence sets, ENVELOPE and BODYSTRUCTURE. RFC 9051, RFC 3501.
 */
export type * from './contract.ts'
export {
  ALL_RIGHTS,
  hasSome,
  joinRights,
  parseRights,
  printRights,
  type Rights,
  type RightsChange,
  takeIdentifier,
  takeRightsChange,
  withoutRights,
} from './acl.ts'
export { printBodyStructure } from './body-structure.ts'
export { Cursor, LIST_LIMIT, NESTING_LIMIT } from './cursor.ts'
export { takeDate, takeDateTime } from './date-time.ts'
export { printEnvelope } from './envelope.ts'
export { ImapError } from './error.ts'
export { type FetchCommand, type FetchItem, ITEMS_OF_NEWS_LIMIT, takeFetch, takeFetchItems } from './fetch.ts'
export { type MessageUrl, parseMessageUrl } from './imap-url.ts'
export { type AuthUrl, parseAuthUrl, URL_LIMIT, type UrlAccess } from './url-auth.ts'
export { listMatcher, PATTERN_LETTERS_LIMIT } from './list-pattern.ts'
export { decodeMailbox, encodeMailbox } from './mailbox-name.ts'
export { type SearchCommand, type SearchReturn, takeSearch } from './search.ts'
export { SEARCH_KEY_LIMIT, SEARCH_RANGES_LIMIT, type SearchContext } from './search-program.ts'
export { type MailboxFilter, takeMailboxFilter } from './mailbox-filter.ts'
export {
  EVENT_GROUPS_LIMIT,
  type EventGroup,
  isOfSelected,
  type NotifyCommand,
  type NotifyEvent,
  takeNotify,
} from './notify.ts'
export { type PartialRange, windowOf } from './partial.ts'
export {
  findPart,
  type Partial,
  type Section,
  sectionOctets,
  type SectionOctets,
  type SectionSource,
} from './section.ts'
export { type QuotaResource, type SetQuota, takeSetQuota } from './quota.ts'
export { fieldSelector } from './field-selector.ts'
export { normalise, printSet, takeSequenceSet } from './sequence-set.ts'
export { SORT_CRITERIA_LIMIT, type SortCommand, takeSort, takeThread, type ThreadCommand } from './sort.ts'
export { printAString, printNString, printString } from './strings.ts'
export {
  type MetadataOptions,
  type MetadataQuery,
  printMetadataValue,
  takeEntries,
  takeEntryValues,
  takeMetadataQuery,
} from './metadata.ts'
export { isFilter } from './search-filter.ts'
