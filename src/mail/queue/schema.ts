/** Tables of the queue: a message's envelope once, a row a recipient that is not done with. */
import type { Schema } from '../../io/db/mod.ts'

export const queueSchema: Schema = {
  room: 'mail/queue',
  steps: [
    `CREATE TABLE queue_message (
       id INTEGER PRIMARY KEY,
       queue_id TEXT NOT NULL UNIQUE,
       segment INTEGER NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL,
       sender TEXT NOT NULL,
       arrival_ms INTEGER NOT NULL,
       size INTEGER NOT NULL,
       hold INTEGER NOT NULL,
       prefix BLOB NOT NULL,
       -- ret, envid, body, smtpUtf8, verp, saslUsername as JSON: read whole, never searched
       facts TEXT NOT NULL
     ) STRICT;
     CREATE TABLE queue_recipient (
       id INTEGER PRIMARY KEY,
       message INTEGER NOT NULL REFERENCES queue_message ON DELETE CASCADE,
       address TEXT NOT NULL,
       original TEXT NOT NULL,
       dsn TEXT NOT NULL,
       transport TEXT NOT NULL,
       nexthop TEXT NOT NULL,
       -- NULL: the message's
       sender TEXT,
       attempts INTEGER NOT NULL DEFAULT 0,
       next_attempt_ms INTEGER NOT NULL,
       -- of the last attempt: status code and text
       status TEXT NOT NULL DEFAULT '',
       reason TEXT NOT NULL DEFAULT ''
     ) STRICT;
     CREATE INDEX queue_recipient_due ON queue_recipient (next_attempt_ms);
     CREATE INDEX queue_recipient_message ON queue_recipient (message);
     CREATE INDEX queue_recipient_nexthop ON queue_recipient (nexthop)`,
    // AUTOINCREMENT: the scheduler knows recipients by id, and an id must never come to mean another one.
    `CREATE TABLE queue_recipient_next (
       id INTEGER PRIMARY KEY AUTOINCREMENT,
       message INTEGER NOT NULL REFERENCES queue_message ON DELETE CASCADE,
       -- its place in the message's plan: with the queue id a name that replay after a power cut gives again
       n INTEGER NOT NULL,
       address TEXT NOT NULL,
       original TEXT NOT NULL,
       dsn TEXT NOT NULL,
       transport TEXT NOT NULL,
       nexthop TEXT NOT NULL,
       sender TEXT,
       attempts INTEGER NOT NULL DEFAULT 0,
       -- 0: asked for by name (flush, ETRN); 1: the same, and taken up
       next_attempt_ms INTEGER NOT NULL,
       status TEXT NOT NULL DEFAULT '',
       reason TEXT NOT NULL DEFAULT '',
       remote_mta TEXT,
       remote_reply TEXT,
       -- sent, bounced, expired: ended, and a report that was asked for is still to be made; NULL: to be delivered
       outcome TEXT
     ) STRICT;
     INSERT INTO queue_recipient_next (id, message, n, address, original, dsn, transport, nexthop, sender, attempts, next_attempt_ms, status, reason)
       SELECT id, message, row_number() OVER (PARTITION BY message ORDER BY id) - 1, address, original, dsn, transport, nexthop, sender,
              attempts, next_attempt_ms, status, reason FROM queue_recipient;
     DROP TABLE queue_recipient;
     ALTER TABLE queue_recipient_next RENAME TO queue_recipient;
     CREATE INDEX queue_recipient_due ON queue_recipient (next_attempt_ms) WHERE outcome IS NULL;
     CREATE INDEX queue_recipient_message ON queue_recipient (message);
     CREATE INDEX queue_recipient_ended ON queue_recipient (message) WHERE outcome IS NOT NULL;
     -- postsuper -e: given up at the next attempt
     ALTER TABLE queue_message ADD COLUMN expire INTEGER NOT NULL DEFAULT 0;
     -- the sender has been told of the delay
     ALTER TABLE queue_message ADD COLUMN warned INTEGER NOT NULL DEFAULT 0;
     -- files of the maildrop whose message has been taken in, until they are gone
     CREATE TABLE queue_dropped (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID`,
    `CREATE TABLE address_probe (
       address TEXT PRIMARY KEY,
       -- deliverable, undeliverable, deferred, failed; '' before the first answer
       status TEXT NOT NULL DEFAULT '',
       text TEXT NOT NULL DEFAULT '',
       updated_ms INTEGER NOT NULL DEFAULT 0,
       -- somebody asks; NULL: nobody
       wanted_ms INTEGER
     ) STRICT, WITHOUT ROWID;
     CREATE INDEX address_probe_wanted ON address_probe (wanted_ms) WHERE wanted_ms IS NOT NULL;
     CREATE INDEX address_probe_updated ON address_probe (updated_ms)`,
    // What of a segment the queue refers to: content.ts.
    'CREATE INDEX queue_message_segment ON queue_message (segment, offset)',
  ],
}
