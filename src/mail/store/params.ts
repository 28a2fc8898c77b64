/**
 * Parameters of the store. Postfix has none of these; names are in its manner.
 */
import { bool, defineParams, int, size, time, type Settings } from '../../io/config/mod.ts'

export const storeParams = defineParams({
  view_memory_limit: size(
    '64M',
    'Memory that the views of open mailboxes share in one thread; the least recently used are put away first.',
    { min: 1_048_576, suffixes: true },
  ),
  account_quota_limit: size('0', 'Octets that an account may store when it has no limit of its own; 0 is no limit.', {
    suffixes: true,
  }),
  account_message_limit: int('0', 'The most messages of one account in all its mailboxes; 0 is no limit.', { min: 0 }),
  account_mailbox_limit: int('5000', 'The most mailboxes of one account.', { min: 8 }),
  mailbox_name_length_limit: int('1000', "The longest mailbox name in octets of UTF-8, levels and '/' together.", {
    min: 32,
  }),
  mailbox_depth_limit: int('32', 'The most levels of a mailbox name.', { min: 2 }),
  mailbox_keyword_limit: int('255', 'The most different keywords in one mailbox.', { min: 26, max: 4096 }),
  mailbox_rights_limit: int('500', 'The most identifiers in the access control list of a mailbox (RFC 4314).', {
    min: 1,
  }),
  mailbox_shared_seen: bool(
    'no',
    'Whether all who read a mailbox of another share one \\Seen with its owner; with no, each has their own. The annotation /shared/vendor/cmu/cyrus-imapd/sharedseen says otherwise for one mailbox.',
  ),
  mailbox_annotation_limit: int('100', 'The most annotations of one mailbox (RFC 5464).', { min: 10 }),
  account_annotation_limit: int('1000', 'The most annotations of an account, over all its mailboxes.', { min: 10 }),
  annotation_size_limit: size('65536', 'The most octets of an annotation.', { min: 1024 }),
  search_index: bool(
    'yes',
    'Whether an index is kept that SEARCH of text is narrowed by; what is found is the same. `no` removes it.',
  ),
  search_index_message_limit: int(
    '65536',
    'The most letters of text, and of header fields, that the search index takes from a message; one with more is always read.',
    { min: 1024, max: 16_777_216 },
  ),
  expunged_retention: time(
    '14d',
    'How long expunged messages and deleted mailboxes can be brought back by `postigo mailbox undelete`; then their content is removed.',
    { max: 31_536_000_000 },
  ),
  expunged_history_lifetime: time(
    '90d',
    'How long it is remembered which messages were expunged, for clients that resynchronise (RFC 7162).',
    { min: 86_400_000 },
  ),
})

export type StoreSettings = Settings<typeof storeParams>
