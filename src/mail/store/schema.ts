/**
 * The store's tables. MODSEQ is the owner's (one counter an account); each mailbox keeps its own highest.
 */
import type { Schema } from '../../io/db/mod.ts'

const FIRST = `
-- Counters of an account. removed = 1: gone, and its number is never provisioned again.
CREATE TABLE account_state (
  account INTEGER PRIMARY KEY,
  mod_seq INTEGER NOT NULL DEFAULT 1,
  resync_floor INTEGER NOT NULL DEFAULT 0,
  uid_validity INTEGER NOT NULL DEFAULT 0,
  octets INTEGER NOT NULL DEFAULT 0,
  messages INTEGER NOT NULL DEFAULT 0,
  removed INTEGER NOT NULL DEFAULT 0
) STRICT;

-- name is NULL once a mailbox is deleted; upkeep then empties it and removes the row.
-- recent_uid: messages from this UID on were shown as \\Recent to no session yet.
-- changed_mod_seq, expunged_mod_seq: the last flag change and the last expunge; expunged_floor: 'expunged' is whole above it.
CREATE TABLE mailbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  account INTEGER NOT NULL,
  name TEXT,
  special_use TEXT,
  selectable INTEGER NOT NULL DEFAULT 1,
  uid_validity INTEGER NOT NULL,
  uid_next INTEGER NOT NULL DEFAULT 1,
  highest_mod_seq INTEGER NOT NULL,
  changed_mod_seq INTEGER NOT NULL DEFAULT 0,
  expunged_mod_seq INTEGER NOT NULL DEFAULT 0,
  expunged_floor INTEGER NOT NULL DEFAULT 0,
  messages INTEGER NOT NULL DEFAULT 0,
  unseen INTEGER NOT NULL DEFAULT 0,
  deleted INTEGER NOT NULL DEFAULT 0,
  recent INTEGER NOT NULL DEFAULT 0,
  recent_uid INTEGER NOT NULL DEFAULT 1,
  octets INTEGER NOT NULL DEFAULT 0,
  keyword_version INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX mailbox_name ON mailbox (account, name);
CREATE INDEX mailbox_deleted ON mailbox (id) WHERE name IS NULL;

-- The dictionary of a mailbox's keywords: keywords.ts.
CREATE TABLE mailbox_keywords (mailbox INTEGER PRIMARY KEY, data TEXT NOT NULL) STRICT;

-- Names, also of mailboxes that are gone (RFC 9051 6.3.7).
CREATE TABLE subscription (account INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY (account, name)) WITHOUT ROWID, STRICT;

-- Up to 256 messages, packed: entries.ts. UIDs in it are first_uid or more, and below the next page's first_uid.
CREATE TABLE mailbox_page (
  id INTEGER PRIMARY KEY,
  mailbox INTEGER NOT NULL,
  first_uid INTEGER NOT NULL,
  n INTEGER NOT NULL,
  max_modseq INTEGER NOT NULL,
  data BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX mailbox_page_uid ON mailbox_page (mailbox, first_uid);
CREATE INDEX mailbox_page_modseq ON mailbox_page (mailbox, max_modseq);

-- One row a command (or slice of one): whole entries, packed like a page. released: how many of them upkeep has
-- dealt with; -1: nothing to release, the messages were moved elsewhere.
CREATE TABLE expunged (
  id INTEGER PRIMARY KEY,
  mailbox INTEGER NOT NULL,
  mod_seq INTEGER NOT NULL,
  at INTEGER NOT NULL,
  released INTEGER NOT NULL,
  data BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX expunged_modseq ON expunged (mailbox, mod_seq);
CREATE INDEX expunged_release ON expunged (at) WHERE released >= 0;
CREATE INDEX expunged_age ON expunged (at);

-- Content and what was computed of it; mailbox and uid are its first place, the others are in 'placement'.
CREATE TABLE message (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  account INTEGER NOT NULL,
  mailbox INTEGER NOT NULL,
  uid INTEGER NOT NULL,
  record_id BLOB NOT NULL,
  segment INTEGER NOT NULL,
  offset INTEGER NOT NULL,
  length INTEGER NOT NULL,
  sent REAL,
  message_id TEXT NOT NULL,
  prefix BLOB NOT NULL,
  envelope BLOB NOT NULL,
  body_structure BLOB NOT NULL,
  listed_fields BLOB NOT NULL,
  parts BLOB NOT NULL
) STRICT;
CREATE INDEX message_segment ON message (segment, offset);

CREATE TABLE placement (
  message INTEGER NOT NULL,
  mailbox INTEGER NOT NULL,
  uid INTEGER NOT NULL,
  PRIMARY KEY (message, mailbox, uid)
) WITHOUT ROWID, STRICT;

-- What a COPY in several slices has copied so far; gone with its last slice. A start that finds some takes them back.
CREATE TABLE copy_slice (
  copy INTEGER NOT NULL,
  mailbox INTEGER NOT NULL,
  first_uid INTEGER NOT NULL,
  last_uid INTEGER NOT NULL,
  PRIMARY KEY (copy, first_uid)
) WITHOUT ROWID, STRICT;
`

/**
 * Conversations, and when a message came into its mailbox. thread: the record that begins the conversation; NULL: its own.
 * saved: NULL for what came before this step.
 */
const THREADS_AND_SAVED = `
ALTER TABLE message ADD COLUMN thread BLOB;
ALTER TABLE message ADD COLUMN saved REAL;
ALTER TABLE placement ADD COLUMN saved REAL;

-- Message-IDs with base subjects, hashed: thread-keys.ts. uses: messages that name it.
CREATE TABLE thread_link (
  account INTEGER NOT NULL,
  key INTEGER NOT NULL,
  thread BLOB NOT NULL,
  uses INTEGER NOT NULL,
  PRIMARY KEY (account, key)
) WITHOUT ROWID, STRICT;
`

/** What clients note of mailboxes: annotations.ts. mailbox 0: of the server; owner 0: shared; value NULL: removed. */
const ANNOTATIONS = `
CREATE TABLE annotation (
  account INTEGER NOT NULL,
  mailbox INTEGER NOT NULL,
  owner INTEGER NOT NULL,
  entry TEXT NOT NULL COLLATE NOCASE,
  value BLOB,
  mod_seq INTEGER NOT NULL,
  PRIMARY KEY (account, mailbox, owner, entry)
) WITHOUT ROWID, STRICT;
CREATE INDEX annotation_modseq ON annotation (account, mod_seq);
`

/** linked: the keys of 'thread_link' that the message uses, 6 octets each; NULL, not known, for what came before this step. */
const LINKED = 'ALTER TABLE message ADD COLUMN linked BLOB'

/**
 * Mail taken in from elsewhere: imports.ts. uidl: what POP3 called the message there. staged: the mailbox waits under a name of
 * its own until all is there. known: what tells a message of the source from the others; it is not taken in twice.
 */
const IMPORTS = `
ALTER TABLE message ADD COLUMN uidl TEXT;
CREATE TABLE import_source (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  account INTEGER NOT NULL,
  source TEXT NOT NULL,
  mailbox INTEGER NOT NULL,
  target TEXT NOT NULL,
  staged INTEGER NOT NULL,
  UNIQUE (account, source)
) STRICT;
CREATE TABLE import_entry (
  source INTEGER NOT NULL,
  known TEXT NOT NULL,
  message INTEGER NOT NULL,
  PRIMARY KEY (source, known)
) WITHOUT ROWID, STRICT;
`

/**
 * Shared mailboxes. mailbox_right: rights.ts; grantee: an account, or -1 anyone, -2 authenticated; negative: what is denied.
 * mailbox_seen: private-seen.ts; block: 256 UIDs; seen: how many of them are.
 */
const SHARING = `
CREATE TABLE mailbox_right (
  mailbox INTEGER NOT NULL,
  grantee INTEGER NOT NULL,
  negative INTEGER NOT NULL,
  rights TEXT NOT NULL,
  PRIMARY KEY (mailbox, grantee, negative)
) WITHOUT ROWID, STRICT;
CREATE INDEX mailbox_right_grantee ON mailbox_right (grantee);

CREATE TABLE mailbox_seen (
  id INTEGER PRIMARY KEY,
  mailbox INTEGER NOT NULL,
  account INTEGER NOT NULL,
  block INTEGER NOT NULL,
  seen INTEGER NOT NULL,
  max_mod_seq INTEGER NOT NULL,
  data BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX mailbox_seen_block ON mailbox_seen (mailbox, account, block);
CREATE INDEX mailbox_seen_modseq ON mailbox_seen (mailbox, account, max_mod_seq, seen);
CREATE INDEX mailbox_seen_account ON mailbox_seen (account);
`

/** Mailbox access keys: url-keys.ts. */
const URL_KEYS = `
CREATE TABLE url_key (
  mailbox INTEGER PRIMARY KEY,
  account INTEGER NOT NULL,
  key BLOB NOT NULL,
  mod_seq INTEGER NOT NULL
) STRICT;
CREATE INDEX url_key_account ON url_key (account);
`

/** raw_headers: 1 where a header section, the prefix included, is not ASCII; not known of what came before this step. */
const RAW_HEADERS = `
ALTER TABLE message ADD COLUMN raw_headers INTEGER NOT NULL DEFAULT 0;
CREATE INDEX message_raw_headers ON message (account) WHERE raw_headers = 1;
`

/**
 * The search index: search-blocks.ts. search_block: 1,024 messages of an account in order of arrival, packed as 8 octets each;
 * account -1: given up. search_slice: bits of them, id is block * 529 + slice. search_recent: what waits for a block.
 * search_scan: messages above 'after' are not looked at yet; account -1: of all accounts, else of one whose index is made anew, up to 'until'.
 * generation: raised whenever something is begun anew.
 */
const SEARCH = `
CREATE TABLE search_block (
  block INTEGER PRIMARY KEY AUTOINCREMENT,
  account INTEGER NOT NULL,
  first_message INTEGER NOT NULL,
  last_message INTEGER NOT NULL,
  gone INTEGER NOT NULL,
  messages BLOB NOT NULL
) STRICT;
CREATE INDEX search_block_place ON search_block (account, first_message, last_message);
CREATE TABLE search_slice (id INTEGER PRIMARY KEY, bits BLOB NOT NULL) STRICT;
CREATE TABLE search_recent (
  account INTEGER NOT NULL,
  message INTEGER NOT NULL,
  bits BLOB NOT NULL,
  PRIMARY KEY (account, message)
) WITHOUT ROWID, STRICT;
CREATE TABLE search_scan (
  account INTEGER PRIMARY KEY,
  after INTEGER NOT NULL,
  until INTEGER NOT NULL,
  generation INTEGER NOT NULL
) STRICT;
INSERT INTO search_scan VALUES (-1, 0, 0, 0);
`

/** sum: CRC-32 of what SQLite cannot check, sums.ts; NULL, not known, for what came before this step. */
const SUMS = `
ALTER TABLE message ADD COLUMN sum INTEGER;
ALTER TABLE mailbox_page ADD COLUMN sum INTEGER;
ALTER TABLE expunged ADD COLUMN sum INTEGER;
ALTER TABLE mailbox_seen ADD COLUMN sum INTEGER;
ALTER TABLE thread_link ADD COLUMN sum INTEGER;
`

/** What a deleted mailbox was called, and when it was deleted, while it can be brought back: undelete.ts. 0: it cannot. */
const KEPT_DELETED = `
ALTER TABLE mailbox ADD COLUMN deleted_name TEXT;
ALTER TABLE mailbox ADD COLUMN deleted_at INTEGER NOT NULL DEFAULT 0;
`

export const storeSchema: Schema = {
  room: 'mail/store',
  steps: [
    FIRST,
    THREADS_AND_SAVED,
    ANNOTATIONS,
    LINKED,
    IMPORTS,
    SHARING,
    URL_KEYS,
    RAW_HEADERS,
    SEARCH,
    SUMS,
    KEPT_DELETED,
  ],
}
