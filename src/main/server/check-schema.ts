/**
 * Second copies of what seldom changes, as indices: SQLite's integrity_check compares each index with its table, so that a flipped
 * octet in either is seen. What changes with each message is counted anew instead, and what is large has a sum (mail/store/sums.ts).
 */
import type { Schema } from '../../io/db/mod.ts'

export const checkSchema: Schema = {
  room: 'main/check',
  steps: [
    `CREATE INDEX check_account ON account (disabled, quota_octets, quota_messages, quota_mailboxes, created_ms);
     CREATE INDEX check_account_state ON account_state (uid_validity, resync_floor, removed);
     CREATE INDEX check_mailbox ON mailbox (uid_validity, special_use, selectable, keyword_version, expunged_floor);
     CREATE INDEX check_keywords ON mailbox_keywords (data);
     CREATE INDEX check_subscription ON subscription (name);
     CREATE INDEX check_annotation ON annotation (value);
     CREATE INDEX check_right ON mailbox_right (rights);
     CREATE INDEX check_server_state ON server_state (value);
     CREATE INDEX check_url_key ON url_key (key, mod_seq);
     CREATE INDEX check_queue_message ON queue_message (sender, arrival_ms, size, length, prefix, facts, hold, expire, warned);
     CREATE INDEX check_queue_recipient ON queue_recipient (n, address, original, dsn, transport, sender)`,
  ],
}
