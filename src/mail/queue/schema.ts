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
  ],
}
